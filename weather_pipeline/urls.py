"""HTTP addresses that may hold a user and a password: checked, and shown without them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_LOGIN = re.compile(r"^([a-z][a-z0-9+.-]*://)?[^/?#]*@", re.IGNORECASE)


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


def shown_value(value: str) -> str:
    """A value that was given as an address, for an error message: what may be a password is left out.

    Unlike `without_login` it does not rely on the address being well formed: a password may hold any character.
    """
    _, at, rest = value.rpartition("@")
    return f"…@{rest}" if at else value


def is_loopback(url: str) -> bool:
    """Whether an address means this machine itself, which no proxy of the environment must be asked for."""
    host = urlsplit(url).hostname or ""
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
