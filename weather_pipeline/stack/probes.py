"""Readiness probes: each says once, quickly, whether a part answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests

from weather_pipeline.errors import StackError
from weather_pipeline.stack.dagster_api import DagsterApi, DagsterApiError, DagsterUnavailable
from weather_pipeline.stack.ports import is_listening

_TIMEOUT = 2.0


class Probe(Protocol):
    """Says whether a part is ready."""

    def ready(self) -> bool:
        """True once the part does its work.

        Raises:
            StackError: It answers, but can never become ready.
        """
        ...


@dataclass(frozen=True)
class TcpProbe:
    """Ready when something listens on the port.

    Enough for Dagster's code server, which loads the definitions before it listens.
    """

    port: int

    def ready(self) -> bool:
        """Whether the port accepts connections."""
        return is_listening(self.port)


@dataclass(frozen=True)
class ReadyFileProbe:
    """Ready when a part has said so by a file, and listens: one that was killed left the file behind."""

    file: Path
    port: int

    def ready(self) -> bool:
        """Whether the file is there, and the port accepts connections."""
        return self.file.exists() and is_listening(self.port)


@dataclass(frozen=True)
class HttpProbe:
    """Ready when a GET answers 200."""

    url: str

    def ready(self) -> bool:
        """Whether the address answers 200 now."""
        try:
            with requests.Session() as session:
                session.trust_env = False  # loopback: a proxy of the environment must not be asked
                return session.get(self.url, timeout=_TIMEOUT).status_code == requests.codes.ok
        except requests.RequestException:
            return False


def is_lineage_api(url: str) -> bool:
    """Whether Marquez's API answers at an address of this machine, or a service that asks for its token first."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{url}/api/v1/namespaces?limit=1", timeout=_TIMEOUT, allow_redirects=False)
            if answer.status_code == requests.codes.unauthorized:
                return answer.headers.get("WWW-Authenticate", "").startswith("Bearer")
            body = answer.json()
            return answer.ok and isinstance(body, dict) and "namespaces" in body
    except requests.RequestException:  # JSON that is none is one too
        return False


@dataclass(frozen=True)
class WebserverProbe:
    """Ready when Dagster's webserver answers and has loaded the code location."""

    url: str
    location: str

    def ready(self) -> bool:
        """Whether the location is loaded.

        Raises:
            StackError: The location's code can't be loaded; carries Dagster's error.
        """
        try:
            error = DagsterApi(self.url).location_error(self.location)
        except (DagsterApiError, DagsterUnavailable):
            return False
        if error is not None:
            raise StackError(f"Dagster can't load the definitions of {self.location}:\n{error}")
        return True


@dataclass(frozen=True)
class DaemonProbe:
    """Ready when every daemon thread has sent a heartbeat since the stack began."""

    url: str
    since: float

    def ready(self) -> bool:
        """Whether all required daemons are alive."""
        try:
            daemons = DagsterApi(self.url).daemons()
        except (DagsterApiError, DagsterUnavailable):
            return False
        return bool(daemons) and all(daemon.last_heartbeat >= self.since for daemon in daemons if daemon.required)
