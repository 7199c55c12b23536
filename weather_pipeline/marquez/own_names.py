"""The names by which a server on loopback may be asked.

A web page of any site can make its own name lead to 127.0.0.1 once it is loaded (DNS rebinding). Its reader's browser
then takes a server there for the page's own, and lets the page read. Such a request names the site in `Host`.
"""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class OwnNamesOnly:
    """Answers requests that ask for an address or for `localhost`, and refuses those that ask for another name.

    Args:
        app: What answers.
        remedy: What to do where another name is meant, as a sentence.
    """

    def __init__(self, app: ASGIApp, remedy: str) -> None:
        self._app = app
        self._remedy = remedy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        hosts = Headers(scope=scope).getlist("host") if scope["type"] == "http" else []
        foreign = [host for host in hosts if not is_own_name(host)]
        if not foreign:
            await self._app(scope, receive, send)
            return
        status = HTTPStatus.MISDIRECTED_REQUEST
        message = (
            f"Only localhost and addresses such as 127.0.0.1 are answered here, not {foreign[0][:300]!r}: "
            f"a web page may have brought that name. {self._remedy}"
        )
        await JSONResponse({"code": status.value, "message": message}, status)(scope, receive, send)


def is_own_name(host: str) -> bool:
    """Whether a `Host` header is an address, or a name that leads nowhere else: `localhost` and what ends on it."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
        if name != "localhost" and not name.endswith(".localhost"):
            ip_address(name)
    except ValueError:  # no address, half an IPv6 address
        return False
    return True
