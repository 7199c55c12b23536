"""A database's address: what is wrong with it, what to check where nothing answers there, and how it may be shown.

libpq tells most mistakes only while it connects, some with a part of the password: a slash or an @ that stands in it as
such splits the address elsewhere. So no value of a part is shown that may be a piece of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from weather_pipeline.errors import ENTRY_REFUSED, ConfigurationError

_FORM: Final = "postgresql://user:password@host:port/database"
_SCHEMES: Final = ("postgresql", "postgres")
_ESCAPED: Final = "special characters of the password as %XX"
_LAST_PORT: Final = 65_535

_UNKNOWN_OPTION: Final = re.compile(r'invalid (?:URI query parameter:|connection option) "(.*)"')
_HOST: Final = r"(?:\[[^\]@/]*\]|[^\[\]@/:,]*)(?::\d*)?"
_UNAMBIGUOUS: Final = re.compile(rf"\w+://(?:[^@/]*@{_HOST}(?:,{_HOST})*|[^@:/?]*)(?:/[^@/?]*)?\?[^@]*")
"""A URL of which what stands behind the question mark is no piece of a password."""

FOR_GOOD: Final = re.compile(rf"{ENTRY_REFUSED.pattern}|invalid [\w ]*value|could not match \d+ ")
"""What psycopg and PostgreSQL say of an address that will never do."""

_ADVICE: Final = (
    (re.compile("failed to resolve host"), "Check the host's name in the address, and that this machine can find it."),
    (re.compile("Connection refused"), "Check the host and the port in the address, and that PostgreSQL runs there."),
    (
        re.compile("timeout expired|timed out|No route to host|Network is unreachable"),
        "Check the host and the port in the address, and that the network and its firewalls lead there.",
    ),
    (
        re.compile("socket .* failed"),
        "Check the host in the address: without one a PostgreSQL of this machine is meant.",
    ),
)


def shown(url: str, name: str = "WEATHER_LINEAGE_DATABASE_URL") -> str:
    """A database's address without its password.

    Args:
        url: The address.
        name: What it was given by, for the message.

    Raises:
        ConfigurationError: It can't be used. The message names the part that is wrong, and holds no password.
    """
    parts = _parts(url, name)
    if wrong := next(_wrong_parts(url, parts), None):
        raise ConfigurationError(f"{name} can't be used: {wrong}. It should be {_FORM}, with {_ESCAPED}.")
    user = f"{parts['user']}@" if "user" in parts else ""
    return f"postgresql://{user}{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def explained(words: str) -> str:
    """What is said of a connection that failed, on one line, with what to check."""
    words = " ".join(words.split())
    hint = next((sentence for reason, sentence in _ADVICE if reason.search(words)), None)
    return f"{words}. {hint}" if hint else words


def _parts(url: str, name: str) -> Mapping[str, str]:
    """What an address says, by libpq's names."""
    if not url.strip():
        raise ConfigurationError(f"{name} can't be used: it is empty. It should be {_FORM}.")
    scheme, separator, _ = url.partition("://")
    if separator and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) and scheme not in _SCHEMES:
        raise ConfigurationError(f"{name} can't be used: it begins with {scheme[:50]}://. It should be {_FORM}.")
    try:
        return {key: str(value) for key, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError as error:
        unknown = _UNKNOWN_OPTION.search(str(error))
        wrong = unknown and _unknown_option(url, unknown[1])
    if wrong:
        raise ConfigurationError(f"{name} can't be used: {wrong}. It should be {_FORM}, with options behind a ?.")
    raise ConfigurationError(f"{name} can't be used: it should be {_FORM}, with {_ESCAPED}.")


def _unknown_option(url: str, option: str) -> str | None:
    """What is wrong with an option; None where it may be a piece of the password."""
    known = [each.keyword.decode() for each in Conninfo.get_defaults()]
    if similar := get_close_matches(option, known, n=1):
        return f"PostgreSQL has no option {option!r}: {similar[0]!r} may be meant"
    return f"PostgreSQL has no option {option[:50]!r}" if _UNAMBIGUOUS.fullmatch(url) else None


def _wrong_parts(url: str, parts: Mapping[str, str]) -> Iterator[str]:
    # As in `me:12/hush@host/database`: to libpq the password ends at the slash, and is host, port and database.
    if "@" in url.partition("://")[2].partition("/")[2].partition("?")[0]:
        yield "an @ stands behind the first slash"
    hosts, ports = parts.get("host", "").split(","), parts.get("port", "").split(",")
    if "host" in parts and not all(host.strip() for host in hosts):
        yield "its host is empty" if len(hosts) == 1 else "one of its hosts is empty"
    if any("@" in host for host in hosts):
        yield "its host has an @"
    if not all(_is_port(port) for port in ports):
        yield f"its port is no number from 1 to {_LAST_PORT}"
    if len(ports) not in (1, max(len(hosts), parts.get("hostaddr", "").count(",") + 1)):
        yield f"its hosts and its ports are not as many: {len(hosts)} and {len(ports)}"
    if not re.fullmatch(r"-?\d{1,9}", parts.get("connect_timeout", "0"), re.ASCII):
        yield "its connect_timeout is no number of seconds"


def _is_port(port: str) -> bool:
    """Whether it is a port, or says nothing."""
    return not port or (re.fullmatch(r"\d{1,5}", port, re.ASCII) is not None and 0 < int(port) <= _LAST_PORT)
