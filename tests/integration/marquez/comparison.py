"""Whether a service answers the recorded exchanges of a real Marquez as Marquez did."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SENT_UUID = re.compile(r"0199[ab]000-")
"""How the ids begin that the recording itself sent; all others are made by the server."""

_CLOCK = frozenset({"createdAt", "updatedAt", "lastModifiedAt", "startInterval", "endInterval", "lastLifecycleStateAt"})
"""Members that may hold the server's clock."""

_ORDERED = frozenset({"fields", "runs", "latestRuns", "events"})
"""Arrays whose order is promised."""

_UNSUPPORTED = ("/api/v1/sources", "/api/v1/runlineage", "/api/v2beta/search", "/api/v1/lineage/batch")
"""Where the recorded Marquez answered with errors of its own, or had no such endpoint."""

_SERVER_ERROR = 500
_CLIENT_ERROR = 400


@dataclass
class Comparison:
    """How many exchanges were compared, and what differed: path and what was recorded and answered."""

    compared: int = 0
    differences: list[tuple[str, str]] = field(default_factory=list)


def replay(base_url: str, exchanges: Iterable[Mapping[str, Any]]) -> Comparison:
    """Send every recorded request in order, and compare the answers that Marquez meant."""
    result = Comparison()
    with requests.Session() as session:
        for recorded in exchanges:
            status, answer = _send(session, base_url, recorded)
            comparable = _is_comparable(recorded)
            result.compared += comparable
            alike = _alike(recorded, status, answer) if comparable else status < _SERVER_ERROR
            if not alike:
                told = f"{recorded['method']} {recorded['status']} {_plain(recorded['response'])}"
                result.differences.append((recorded["path"], f"{told}\n!= {status} {_plain(answer)}"))
    return result


def _send(session: requests.Session, base_url: str, recorded: Mapping[str, Any]) -> tuple[int, Any]:
    body, headers = recorded.get("body"), {}
    if body is not None:
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        headers = {"Content-Type": "application/json"}
    response = session.request(recorded["method"], base_url + recorded["path"], data=body, headers=headers, timeout=30)
    try:
        return response.status_code, response.json() if response.content else None
    except requests.JSONDecodeError:
        return response.status_code, response.text


def _is_comparable(recorded: Mapping[str, Any]) -> bool:
    status = recorded["status"]
    refused = status >= _CLIENT_ERROR and (recorded["method"] == "PUT" or recorded["path"].startswith(_UNSUPPORTED))
    return status < _SERVER_ERROR and not refused


def _alike(recorded: Mapping[str, Any], status: int, answer: Any) -> bool:
    expected = recorded["status"]
    if expected >= _CLIENT_ERROR:
        # A service may be stricter about how it calls a bad request, not about what it does not find.
        return status == expected or (expected in (400, 422) and _CLIENT_ERROR <= status < _SERVER_ERROR)
    if "/stats/" in recorded["path"]:
        return status == expected and len(answer) == len(recorded["response"])
    return status == expected and _plain(answer) == _plain(recorded["response"])


def _plain(value: Any) -> str:
    return json.dumps(_normalised(value), sort_keys=True)


def _normalised(value: Any, key: str = "") -> Any:
    """A value without what a replay can't repeat: the server's ids and clock, and orders that nobody promised."""
    if isinstance(value, dict):
        return {name: _normalised(member, name) for name, member in value.items()}
    if isinstance(value, list):
        members = [_normalised(member, key) for member in value]
        return members if key in _ORDERED else sorted(members, key=lambda member: json.dumps(member, sort_keys=True))
    if not isinstance(value, str):
        return value
    if key in _CLOCK:
        return "<time>"
    return _UUID.sub(lambda found: found[0] if _SENT_UUID.match(found[0]) else "<uuid>", value)
