"""Which Dagster runs belong to a span of time: also those that began before it, and those that still run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import dagster as dg
import pytest

from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.history import Span, runs_in, tell
from weather_pipeline.lineage.options import Options

pytestmark = pytest.mark.integration

LATE = timedelta(0)
OPTIONS = Options(namespace="shop")


@contextmanager
def going_on(instance: dg.DagsterInstance) -> Iterator[str]:
    """A run that is in the middle of its only step; ends when the block does."""
    begun, may_end = threading.Event(), threading.Event()
    runs: list[str] = []

    @dg.asset
    def slow(context: dg.AssetExecutionContext) -> None:
        runs.append(context.run.run_id)
        begun.set()
        assert may_end.wait(60)

    worker = threading.Thread(target=lambda: dg.materialize([slow], instance=instance))
    worker.start()
    try:
        assert begun.wait(60)
        yield runs[0]
    finally:
        may_end.set()
        worker.join(60)


def found(instance: dg.DagsterInstance, span: Span) -> list[str]:
    return [info.run_id for info in runs_in(instance, span, late=LATE)]


def is_touched(instance: dg.DagsterInstance, span: Span, run_id: str) -> bool:
    (info,) = (info for info in runs_in(instance, span, late=LATE) if info.run_id == run_id)
    builder = EventBuilder(RepositoryCatalog(dg.Definitions().get_repository_def(), instance), OPTIONS)
    return span.touches(tell(instance, info, builder, OPTIONS, datetime.now(UTC)).story)


def hence(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_run_that_began_before_the_span_and_goes_on_is_there(instance: dg.DagsterInstance) -> None:
    with going_on(instance) as run_id:
        span = Span(datetime.now(UTC), hence(60))
        assert found(instance, span) == [run_id]
        assert is_touched(instance, span, run_id)
    assert found(instance, span) == [run_id], "it ended in the span"
    assert is_touched(instance, span, run_id)
    assert found(instance, Span(hence(1), hence(60))) == [], "it ended before the span"


def test_a_run_that_began_before_the_span_and_ended_after_it_is_there(instance: dg.DagsterInstance) -> None:
    with going_on(instance) as run_id:
        span = Span(datetime.now(UTC), hence(0.001))
    assert is_touched(instance, span, run_id)


def test_runs_come_once_each_in_the_order_of_their_creation(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def quick() -> None: ...

    first = dg.materialize([quick], instance=instance).run_id
    with going_on(instance) as second:
        third = dg.materialize([quick], instance=instance).run_id
        assert found(instance, Span(hence(-600), hence(60))) == [first, second, third]


def test_a_span_in_another_timezone_is_the_same_span(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def quick() -> None: ...

    run_id = dg.materialize([quick], instance=instance).run_id
    for hours in (-9, 9):
        there = timezone(timedelta(hours=hours))
        assert found(instance, Span(hence(-60).astimezone(there), hence(60).astimezone(there))) == [run_id]
