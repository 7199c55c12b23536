"""The client against the embedded service."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event, schema
from weather_pipeline.errors import LineageApiError, Transient
from weather_pipeline.marquez.client import LineageRequestFailed, LineageUnavailable, MarquezClient
from weather_pipeline.marquez.graph import Graph
from weather_pipeline.stack.postgres import free_port

pytestmark = pytest.mark.integration

_RUN = str(uuid.uuid4())
_LAKE = "s3://lake"


@pytest.fixture(scope="module")
def client(service: LineageService) -> Iterator[MarquezClient]:
    service.accept(
        run_event(
            "COMPLETE",
            "2026-03-01T10:00:05Z",
            _RUN,
            ("weather", "a/b:c d"),
            inputs=[dataset(_LAKE, "raw")],
            outputs=[dataset(_LAKE, "tidy/é", {"schema": schema("t")})],
            run_facets={"dagster_run": facet(run_id="abc")},
        )
    )
    with MarquezClient(service.url) as connected:
        yield connected


def test_everything_is_read_back(client: MarquezClient) -> None:
    job = client.job("weather", "a/b:c d")
    run = client.run(_RUN)
    table = client.dataset(_LAKE, "tidy/é")

    assert [name.name for name in (*job.inputs, *job.outputs)] == ["raw", "tidy/é"]
    assert (run.state, run.ended_at) == ("COMPLETED", datetime(2026, 3, 1, 10, 0, 5, tzinfo=UTC))
    assert client.runs("weather", "a/b:c d") == [run]
    assert job.latest_run == run
    assert client.run_facets(_RUN)["dagster_run"]["run_id"] == "abc"
    assert client.run_facets(_RUN, "job") == {}
    assert [column.name for column in table.fields] == ["t"]
    assert client.dataset_versions(_LAKE, "tidy/é")[0].created_by_run == run
    assert client.datasets(_LAKE) == [client.dataset(_LAKE, "raw"), table]
    assert {namespace.name for namespace in client.namespaces()} == {"default", "weather", _LAKE}
    assert client.jobs("weather") == client.jobs() == [job]


def test_the_graph(client: MarquezClient) -> None:
    graph = Graph.of(client.lineage("job:weather:a/b:c d"))

    assert graph.edges == {
        ("dataset:s3://lake:raw", "job:weather:a/b:c d"),
        ("job:weather:a/b:c d", "dataset:s3://lake:tidy/é"),
    }


def test_lists_are_paged_through(service: LineageService, client: MarquezClient) -> None:
    ids = [str(uuid.uuid4()) for _ in range(101)]
    service.accept(
        *(run_event("START", f"2026-04-01T10:{n // 60:02d}:{n % 60:02d}Z", i, ("p", "j")) for n, i in enumerate(ids))
    )

    assert [run.id for run in client.runs("p", "j")] == ids[::-1]
    assert len(list(client.events(after=datetime(2026, 4, 1, tzinfo=UTC)))) == len(ids)


def test_what_does_not_exist_is_refused(client: MarquezClient) -> None:
    with pytest.raises(LineageRequestFailed, match="Job 'nope' not found") as caught:
        client.job("weather", "nope")

    assert caught.value.status == 404
    assert isinstance(caught.value, LineageApiError)


def test_a_service_that_is_away_is_transient() -> None:
    with MarquezClient(f"http://127.0.0.1:{free_port()}") as client:
        assert not client.ping()
        with pytest.raises(LineageUnavailable, match="does not answer") as caught:
            client.namespaces()

    assert isinstance(caught.value, Transient)


def test_ping(client: MarquezClient) -> None:
    assert client.ping()
