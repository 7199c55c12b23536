"""How far a backfill is, and what is said of it."""

from dataclasses import replace

from weather_pipeline.cli.backfill_follow import hours_of, progress_text
from weather_pipeline.stack.dagster_api import Backfill, BackfillRun

DAYS = [
    BackfillRun(f"run-{day}", "QUEUED", f"2026-10-0{day}-00:00", f"2026-10-0{day}-23:00", None) for day in (1, 2, 3)
]
REQUESTED = Backfill("abc", "REQUESTED", None, ())


def runs(*statuses: str) -> tuple[BackfillRun, ...]:
    return tuple(replace(day, status=status) for day, status in zip(DAYS, statuses, strict=True))


def test_progress_says_what_is_done_and_when_the_rest_is() -> None:
    assert progress_text(REQUESTED, 72, None) == "Backfill abc: 0 of 72 hours"
    going = replace(REQUESTED, runs=runs("SUCCESS", "STARTED", "QUEUED"))
    assert progress_text(going, 72, 24 / 20) == (
        "Backfill abc: 24 of 72 hours, 1 runs running, 1 runs queued, 1 runs done, 72 hours a minute, about 40 s left"
    )
    done = replace(REQUESTED, runs=runs("SUCCESS", "SUCCESS", "SUCCESS"))
    assert progress_text(done, 72, 1.0).endswith("72 of 72 hours, 3 runs done, Dagster closes the backfill")


def test_an_hour_that_a_retry_has_loaded_has_not_failed() -> None:
    failed = replace(DAYS[0], status="FAILURE")
    retry = replace(DAYS[0], run_id="again", status="SUCCESS", last="2026-10-01-11:00", retry_of="run-1")
    both = replace(REQUESTED, runs=(failed, retry))
    assert len(hours_of(both, "SUCCESS")) == 12
    assert len(hours_of(both, "FAILURE")) == 12
    assert "12 failed" in progress_text(both, 24, 1.0)


def test_a_run_that_names_no_partition_counts_for_no_hour() -> None:
    odd = replace(REQUESTED, runs=(BackfillRun("x", "SUCCESS", "", "", None),))
    assert hours_of(odd, "SUCCESS") == set()
