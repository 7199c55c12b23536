"""HTTP addresses that may hold a user and a password: checked, and shown without them. Origins of web pages."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_LOGIN = re.compile(r"^([a-z][a-z0-9+.-]*://)?[^/?#]*@", re.IGNORECASE)


_PORTS = {"http": 80, "https": 443}
_NO_MORE = (("", "", ""), ("/", "", ""))
"""What may stand behind the host of an origin: path, query, fragment."""


def without_login(url: str) -> str:
    """The address without its `user:password@`: for logs, files, pages and everything else that others read."""
    return _LOGIN.sub(r"\1", url)


def check_http_url(url: str, *, login: bool = True) -> str:
    """Check that this is the base URL of a server.

    Args:
        url: The address.
        login: Whether it may hold a user and a password.

    Returns:
        The address without a slash at its end.

    Raises:
        ValueError: It is not; the message has nothing of the address in it, which may be a secret.
    """
    parts = _parts(url)
    if parts is None or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        raise ValueError("Should be the base URL of a server, http://host:port or https://host:port")
    if not login and "@" in parts.netloc:
        raise ValueError("Should hold no user and password: others see this address")
    return url.rstrip("/")


def check_origin(text: str) -> str:
    """The origin of a web page as browsers name it: scheme, host, and the port where it is not the scheme's own.

    Raises:
        ValueError: It is none.
    """
    parts = _parts(text.strip())
    if parts is None or parts.scheme not in _PORTS or "@" in parts.netloc or parts[2:] not in _NO_MORE:
        raise ValueError("Should be origins of web pages, https://host or http://host:port, separated by commas")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}")


def shown_value(value: str) -> str:
    """A value that was given as an address, for an error message: what may be a password is left out.

    Unlike `without_login` it does not rely on the address being well formed: a password may hold any character.
    """
    _, at, rest = value.rpartition("@")
    return f"…@{rest}" if at else value


def is_loopback(url: str) -> bool:
    """Whether an address means this machine itself, which no proxy of the environment must be asked for."""
    return is_loopback_host(urlsplit(url).hostname or "")


def is_loopback_host(host: str) -> bool:
    """Whether a host is this machine itself: a loopback address, or `localhost`. Other names are not looked up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parts(url: str) -> SplitResult | None:
    """The parts of an address that names a host; None for anything else."""
    try:
        parts = urlsplit(url)
        names_host = bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", url)
    except ValueError:  # a port that is no number, half an IPv6 address
        return None
    return parts if names_host else None
