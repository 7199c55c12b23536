"""Whatever happened, in whatever order and however often it is told: the lineage service says the same in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.marquez.arrivals import everything, named_run
from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, dataset_event, facet, job_event, run_event
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

_SPACE = "space"
_START = datetime(2026, 3, 1, tzinfo=UTC)
_TABLES = ("t0", "t1", "t2")
"""Tables that runs read and write. What readers say of them stays where they were known to read it (docs), so here they
only name them."""
_RAW = ("raw0", "raw1")
"""Tables that nobody writes: readers describe them."""
_PARENTS = ("p0", "p1")
_EMPTIED = (
    "jobs", "job_versions", "job_edges", "runs", "datasets", "dataset_aliases", "dataset_versions", "run_inputs",
    "column_lineage", "lineage_events",
)  # fmt: skip

Event = dict[str, Any]


@dataclass(frozen=True)
class _Run:
    """A run; each event reads and writes, and may say where its code lies and name the parent, and so another job."""

    job: str
    parent: str | None
    events: Sequence[tuple[str, frozenset[str], frozenset[str], bool, bool]]


_TYPES = ["START", "RUNNING", "COMPLETE", "FAIL"]
_READS = st.frozensets(st.sampled_from([*_TABLES, *_RAW]), max_size=3)
_WRITES = st.frozensets(st.sampled_from(_TABLES), max_size=2)
_RUNS = st.lists(
    st.builds(
        _Run,
        st.sampled_from("jk"),
        st.sampled_from([None, *_PARENTS]),
        # A run that completes twice would make current again what another may have replaced (docs).
        st.lists(
            st.tuples(st.sampled_from(_TYPES), _READS, _WRITES, st.booleans(), st.booleans()),
            min_size=1,
            max_size=3,
            unique_by=lambda event: event[0],
        ),
    ),
    min_size=1,
    max_size=4,
)
_JOB_EVENTS = st.lists(st.tuples(st.sampled_from("jk"), _READS, _WRITES, st.booleans()), max_size=2)


@st.composite
def _histories(draw: st.DrawFn) -> list[Event]:
    """Events of different times."""
    minutes = iter(draw(st.permutations(range(40))))

    def at() -> tuple[str, int]:
        minute = next(minutes)
        return (_START + timedelta(minutes=minute)).isoformat(), minute

    events: list[Event] = []
    for number, run in enumerate(draw(_RUNS)):
        run_id = named_run(_SPACE, f"run{number}")
        for event_type, reads, writes, located, parted in run.events:
            time, minute = at()
            code = {"sourceCodeLocation": facet(type="git", url=f"https://example.org/{minute % 2}")}
            events.append(
                run_event(
                    event_type,
                    time,
                    run_id,
                    (_SPACE, run.job),
                    inputs=[_read(name, minute) for name in sorted(reads)],
                    outputs=[_written(name, minute) for name in sorted(writes)],
                    run_facets={"minute": facet(number=minute)} | _parent(run.parent if parted else None),
                    job_facets={"documentation": facet(description=f"said {minute}")} | (code if located else {}),
                )
            )
    for parent in draw(st.sets(st.sampled_from(_PARENTS))):
        types = draw(st.lists(st.sampled_from(["START", "COMPLETE"]), max_size=2, unique=True))
        run = named_run(_SPACE, parent)
        events += [run_event(event_type, at()[0], run, (_SPACE, parent)) for event_type in types]
    for job, reads, writes, described in draw(_JOB_EVENTS):
        time, minute = at()
        # Each description is another: one that comes back is taken for what was between (docs).
        outputs = [_described(name, minute) if described else dataset(_SPACE, name) for name in sorted(writes)]
        events.append(
            job_event(time, (_SPACE, job), inputs=[_read(name, minute) for name in sorted(reads)], outputs=outputs)
        )
    for name in draw(st.lists(st.sampled_from(_TABLES), max_size=2)):
        time, minute = at()
        events.append(dataset_event(time, _described(name, minute)))
    return events


def _parent(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    return {"parent": facet(run={"runId": named_run(_SPACE, name)}, job={"namespace": _SPACE, "name": name})}


def _read(name: str, minute: int) -> Event:
    if name in _TABLES:
        return dataset(_SPACE, name)
    fields = [{"name": column, "type": f"type {minute}"} for column in ("cab", "bd", "ace")[minute % 3]]
    return dataset(_SPACE, name, {"schema": facet(fields=fields), "documentation": facet(description=f"{minute}")})


def _written(name: str, minute: int) -> Event:
    columns = ("a", "ab", "b")[minute % 3]
    sources = [{"namespace": _SPACE, "name": source, "field": "a"} for source in (*_TABLES, *_RAW)[minute % 5 :]]
    facets: Event = {
        "schema": facet(fields=[{"name": column, "type": "double"} for column in columns]),
        "columnLineage": facet(
            fields={column: {"inputFields": sources, "transformationDescription": f"{minute}"} for column in columns}
        ),
        "documentation": facet(description=f"written {minute}"),
    }
    if minute % 3:
        uri = {"uri": f"s3://{minute}"} if minute % 2 else {}
        facets["dataSource"] = facet(name=f"source{minute % 4}", **uri)
    return dataset(_SPACE, name, facets, outputFacets={"outputStatistics": facet(rowCount=minute)})


def _described(name: str, minute: int) -> Event:
    return dataset(_SPACE, name, {"schema": facet(fields=[{"name": f"c{minute}", "type": "double"}])})


@pytest.fixture(scope="module")
def service(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageService]:
    log = tmp_path_factory.mktemp("lineage") / "service.log"
    with LineageService(postgres.ensure_database("lineage_order"), log) as running:
        yield running


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(_histories(), st.data())
def test_what_is_said_in_the_end_does_not_depend_on_the_order_of_arrival(
    service: LineageService, events: list[Event], data: st.DataObject
) -> None:
    events.sort(key=lambda event: event["eventTime"])
    twice = data.draw(st.lists(st.sampled_from(events), max_size=4), "sent twice")
    arriving = data.draw(st.permutations([*events, *twice]), "order of arrival")
    _empty(service.database_url)
    _send(service, events, together=False)
    expected = everything(service)

    _empty(service.database_url)
    _send(service, arriving, together=data.draw(st.booleans(), "as one batch"))

    found = everything(service)
    assert found.keys() == expected.keys()
    for path, answer in expected.items():
        assert found[path] == answer, path


def _send(service: LineageService, events: Sequence[Event], *, together: bool) -> None:
    if together:
        answer = requests.post(f"{service.url}/api/v1/lineage/batch", json=list(events), timeout=30)
        assert answer.json().get("status") == "success", answer.text
    else:
        service.accept(*events)


def _empty(url: str) -> None:
    """Leave nothing of what events said."""
    with psycopg.connect(url) as connection:
        connection.execute(f"TRUNCATE {', '.join(_EMPTIED)}".encode())
        for table in ("namespaces", "sources"):
            connection.execute(f"DELETE FROM {table} WHERE name <> 'default'".encode())
