"""At least once, in order, whatever the backend does; and the cursor never runs ahead of what was accepted."""

import json
from typing import Any

import dagster as dg
import pytest

from tests.collector import Collector
from tests.integration.lineage.conftest import Exporting, error_of
from tests.integration.lineage.test_shapes_of_work import chain, check_sequences
from weather_pipeline.lineage import dispatch
from weather_pipeline.lineage.deadletters import all_letters

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("status", [302, 401, 403, 404, 408, 425, 429, 500, 502, 503, 504])
def test_nothing_is_lost_while_the_backend_takes_nothing(
    instance: dg.DagsterInstance, backend: Collector, status: int
) -> None:
    exporting = Exporting(instance, chain(), backend.url)
    backend.behave = lambda event: (status, "not now")
    exporting.run()
    first = exporting.tick()
    second = exporting.tick()
    assert "takes no events" in (error_of(first) or "")
    assert len(backend.requests) - len(backend.events) <= 9
    after_first = len(backend.requests)
    assert error_of(second)
    exporting.tick()
    assert len(backend.requests) == after_first + 1, "one cheap probe a tick while the backend is down"

    backend.behave = lambda event: (201, "")
    assert error_of(exporting.tick()) is None
    assert len(backend.events) == 8
    check_sequences(backend)


def test_a_stopped_backend_gets_everything_when_it_is_back(instance: dg.DagsterInstance, backend: Collector) -> None:
    exporting = Exporting(instance, chain(), backend.url)
    backend.stop()
    for _ in range(3):
        exporting.run()
        assert "takes no events" in (error_of(exporting.tick()) or "")
    backend.start()
    exporting.tick()
    assert len(backend.events) == 24
    check_sequences(backend)


def test_a_refused_event_is_kept_and_blocks_nobody(instance: dg.DagsterInstance, backend: Collector) -> None:
    exporting = Exporting(instance, chain(), backend.url)
    backend.behave = lambda event: (422, "bad") if event["job"]["name"] == "clean_dagster" else (201, "")
    exporting.run()
    assert error_of(exporting.tick()) is None
    exporting.tick()
    # One of the others is sent again, to see whether the backend refuses everything.
    assert list(dict.fromkeys(backend.kinds("raw_dagster"))) == ["START", "COMPLETE"]
    assert list(dict.fromkeys(backend.kinds("table_dagster"))) == ["START", "COMPLETE"]
    letters = all_letters(instance)
    assert [letter.event["eventType"] for letter in letters] == ["START", "COMPLETE"]
    assert letters[0].reason == "HTTP 422: bad"


def test_a_backend_that_does_not_answer_is_waited_for(
    instance: dg.DagsterInstance, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps({"type": "http", "url": backend.url, "timeout": 0.3}))
    exporting = Exporting(instance, chain(), backend.url)
    backend.behave = lambda event: (0, "")
    exporting.run()
    assert "No answer within 0.3 s" in (error_of(exporting.tick()) or "")
    backend.behave = lambda event: (201, "")
    exporting.tick()
    check_sequences(backend)
    assert len(backend.events) == 8


def test_a_500_that_repeats_while_the_backend_is_well_is_a_refusal(
    instance: dg.DagsterInstance, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "STRIKES_SPAN", 0.0)
    exporting = Exporting(instance, chain(), backend.url)
    backend.behave = lambda event: (500, "boom") if event["job"]["name"] == "clean_dagster" else (201, "")
    exporting.run()
    exporting.tick()
    assert backend.kinds("table_dagster")[:2] == ["START", "COMPLETE"], "nobody waits for it"
    for _ in range(12):
        exporting.tick()
    assert len(all_letters(instance)) == 2


def test_a_name_that_would_poison_the_backend_never_leaves(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.asset(metadata={"openlineage/namespace": "has a space", "openlineage/name": "x"})
    def poison() -> None: ...

    @dg.asset
    def fine() -> None: ...

    exporting = Exporting(instance, dg.Definitions(assets=[poison, fine]), backend.url)
    exporting.run()
    exporting.tick()
    assert backend.kinds("fine_dagster") == ["START", "COMPLETE"]
    assert {event["job"]["name"] for event in backend.requests} == {"fine_dagster", "assets.job_dagster"}
    (letter,) = all_letters(instance)
    assert "has a space" in letter.reason


def test_the_first_start_begins_at_now(instance: dg.DagsterInstance, backend: Collector) -> None:
    exporting = Exporting(instance, chain(), backend.url, since=None)
    exporting.run()
    exporting.tick()
    exporting.run()
    exporting.tick()
    assert len(backend.events) == 8


def test_deleted_runs_do_not_hide_later_ones(instance: dg.DagsterInstance, backend: Collector) -> None:
    """SQLite uses ids again after the newest were deleted."""
    exporting = Exporting(instance, chain(), backend.url)
    for _ in range(2):
        exporting.run()
        exporting.tick()
    for run in instance.get_runs():
        instance.delete_run(run.run_id)
    exporting.run()
    exporting.run()
    exporting.tick()
    assert len(backend.events) == 32


def test_the_cursor_stays_small_and_forgets_what_is_done(
    instance: dg.DagsterInstance, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporting = Exporting(instance, chain(), backend.url)
    for _ in range(5):
        exporting.run()
    exporting.tick()
    assert exporting.cursor is not None
    saved: dict[str, Any] = json.loads(exporting.cursor)
    assert saved["accepted"] == 40
    assert len(exporting.cursor) < 20_000


def test_a_foreign_cursor_is_refused_with_what_to_do(instance: dg.DagsterInstance, backend: Collector) -> None:
    exporting = Exporting(instance, chain(), backend.url)
    exporting.cursor = "something else"
    with pytest.raises(ValueError, match="Reset it in the Dagster UI"):
        exporting.tick()


def test_openlineages_own_configuration_decides(
    instance: dg.DagsterInstance, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", backend.url)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__COMPRESSION", "gzip")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__AUTH", '{"type": "api_key", "apiKey": "k"}')
    exporting = Exporting(instance, chain(), "http://127.0.0.1:1")
    exporting.run()
    exporting.tick()
    assert len(backend.events) == 8
    assert backend.headers[0]["Authorization"] == "Bearer k"
    assert backend.headers[0]["Content-Encoding"] == "gzip"
