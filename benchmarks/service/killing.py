"""Writers that go on through every outage, and servers that are killed while they write."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Self

import psutil
import requests

from weather_pipeline.stack.postgres import EmbeddedPostgres

WRITERS = 8
_PATIENCE = 60.0
_PAGE = 1_000
_START = datetime(2026, 3, 1, tzinfo=UTC)


class Load:
    """Writers of runs, each with its own connection, who go on after an outage as if nothing had been.

    Attributes:
        accepted: The events that were answered with 201.
        statuses: Every status that was answered.
        unanswered: How many requests got no answer.
    """

    def __init__(self, url: str) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.statuses: set[int] = set()
        self.unanswered = 0
        self._url = url
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=[writer]) for writer in range(WRITERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def go_on(self, events: int) -> float:
        """Wait until so many more events were accepted; returns how many seconds the first one took.

        Raises:
            TimeoutError: They were not.
        """
        before, began = len(self.accepted), time.monotonic()
        first = 0.0
        while len(self.accepted) < before + events:
            first = first or (len(self.accepted) > before and time.monotonic() - began) or 0.0
            if time.monotonic() - began > _PATIENCE:
                raise TimeoutError(f"{len(self.accepted) - before} events were accepted in {_PATIENCE:g} s.")
            time.sleep(0.005)
        return first

    def stop(self) -> None:
        """End every writer after the request that is under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int) -> None:
        with requests.Session() as session:
            for number in itertools.count():
                for event in _run(writer, number):
                    if self._stopping.is_set():
                        return
                    self._post(session, event)

    def _post(self, session: requests.Session, event: dict[str, Any]) -> None:
        try:
            response = session.post(f"{self._url}/api/v1/lineage", json=event, timeout=_PATIENCE)
        except requests.ConnectionError:
            self.unanswered += 1
            time.sleep(0.02)  # The service is away.
            return
        self.statuses.add(response.status_code)
        if response.status_code == HTTPStatus.CREATED:
            self.accepted.append(event)
        else:
            time.sleep(0.02)


def kill(server: EmbeddedPostgres) -> None:
    """SIGKILL a server and all its processes, and wait until they are gone."""
    if server.process is None:
        raise ValueError("The server is not running.")
    postmaster = psutil.Process(server.process.pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.process.wait(_PATIENCE)
    psutil.wait_procs(family, timeout=_PATIENCE)


def missing(url: str, accepted: Collection[dict[str, Any]]) -> list[dict[str, Any]]:
    """The accepted events that are not there: not among the raw ones, or their run does not say what they said."""
    with requests.Session() as session:
        kept = {_key(event) for event in _events(session, url)}
        return [event for event in accepted if _key(event) not in kept or not _is_told(session, url, event)]


def _events(session: requests.Session, url: str) -> Iterator[dict[str, Any]]:
    for offset in itertools.count(step=_PAGE):
        page = f"{url}/api/v1/events/lineage?limit={_PAGE}&offset={offset}"
        events = session.get(page, timeout=_PATIENCE).json()["events"]
        yield from events
        if len(events) < _PAGE:
            return


def _is_told(session: requests.Session, url: str, event: dict[str, Any]) -> bool:
    run = session.get(f"{url}/api/v1/jobs/runs/{event['run']['runId']}", timeout=_PATIENCE).json()
    if event["eventType"] == "COMPLETE" and run.get("state") != "COMPLETED":
        return False
    for side in ("input", "output"):
        named = {version["datasetVersionId"]["name"] for version in run[f"{side}DatasetVersions"]}
        if not {dataset["name"] for dataset in event[f"{side}s"]} <= named:
            return False
    return True


def _key(event: dict[str, Any]) -> tuple[str, str]:
    return event["run"]["runId"], event["eventType"]


def _run(writer: int, number: int) -> list[dict[str, Any]]:
    """A run that shares its job and its datasets with other writers' runs."""
    start = _START + timedelta(seconds=number)
    read, written = ({"namespace": "load", "name": f"d{n % 7}", "facets": {}} for n in (number, number + 1))
    common = {
        "producer": "https://example.org/load",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.UUID(int=writer << 32 | number))},
        "job": {"namespace": "load", "name": f"job{number % 5}"},
        "inputs": [read],
    }
    end = start + timedelta(minutes=5)
    return [
        {"eventType": "START", "eventTime": start.isoformat(), **common, "outputs": []},
        {"eventType": "COMPLETE", "eventTime": end.isoformat(), **common, "outputs": [written]},
    ]
