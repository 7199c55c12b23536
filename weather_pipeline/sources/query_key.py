"""A secret query parameter that only the connection knows.

Open-Meteo takes its key in the URL, and a URL is everywhere: in exceptions, in urllib3's warnings and debug lines, in
what is stored. So the key is added where the request line is written, below all of that.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager, ProxyManager


class QueryKeyAdapter(HTTPAdapter):
    """Sends every request with a further query parameter. Mount it on the one server that may see the key.

    Args:
        name: Name of the parameter.
        key: Its value.
    """

    def __init__(self, name: str, key: str) -> None:
        self._pools = _pools(f"{quote(name, safe='')}={quote(key, safe='')}")
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the connection pools; theirs are the connections that add the key."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager: PoolManager
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> ProxyManager:
        """The same for connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(parameter: str) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
            super().putrequest(method, _with(url, parameter), *args, **kwargs)

    class Secure(HTTPSConnection):
        def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
            super().putrequest(method, _with(url, parameter), *args, **kwargs)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]  (urllib3's protocol misses its own classes)

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # pyright: ignore[reportAssignmentType]

    return {"http": PlainPool, "https": SecurePool}


def _with(url: str, parameter: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{parameter}"
