"""How far a backfill is, and what is said of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.marquez_double import MarquezDouble
from weather_pipeline.cli.backfill import Outcome, RunningStack, failure_lines, report_lines, summary
from weather_pipeline.cli.backfill_follow import (
    ExpectedRun,
    LineageFound,
    await_lineage,
    follow,
    hours_of,
    progress_text,
)
from weather_pipeline.cli.common import count_rows
from weather_pipeline.cli.progress import Progress
from weather_pipeline.marquez.client import MarquezClient
from weather_pipeline.settings import Settings
from weather_pipeline.stack.dagster_api import Backfill, BackfillRun, DagsterApi
from weather_pipeline.stack.ports import free_port

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
    assert progress_text(done, 72, 1.0).endswith("72 of 72 hours, 3 runs done")


def test_an_hour_that_a_retry_has_loaded_has_not_failed() -> None:
    failed = replace(DAYS[0], status="FAILURE")
    retry = replace(DAYS[0], run_id="again", status="SUCCESS", last="2026-10-01-11:00", retry_of="run-1")
    both = replace(REQUESTED, runs=(failed, retry))
    assert len(hours_of(both, "SUCCESS")) == 12
    assert len(hours_of(both, "FAILURE")) == 12
    assert "12 failed" in progress_text(both, 24, 1.0)


class Answered(DagsterApi):
    """A Dagster of one backfill."""

    def __init__(self, found: Backfill) -> None:
        super().__init__("http://127.0.0.1:1")
        self.found = found

    def backfill(self, backfill_id: str) -> Backfill:
        assert backfill_id == self.found.backfill_id
        return self.found


LOST = (replace(DAYS[0], status="FAILURE"), replace(DAYS[0], run_id="other", status="SUCCESS"))
RETRIED = (replace(DAYS[0], status="FAILURE"), replace(DAYS[0], run_id="again", status="SUCCESS", retry_of="run-1"))


@pytest.mark.parametrize(
    ("status", "hours", "outcome"),
    [
        ("REQUESTED", 24, "COMPLETED_SUCCESS"),  # Dagster's daemon will look
        ("COMPLETED_FAILED", 24, "COMPLETED_SUCCESS"),  # it looked between the run and its retry
        ("COMPLETED_FAILED", 25, "COMPLETED_FAILED"),
        ("CANCELED", 24, "CANCELED"),
        ("FAILED", 24, "FAILED"),
    ],
)
def test_a_backfill_succeeds_when_its_last_tries_have_loaded_every_hour(
    status: str, hours: int, outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Answered(replace(REQUESTED, status=status, runs=RETRIED))
    assert follow(api, "abc", hours, Progress(), lambda: None).status == outcome
    said = "Dagster calls backfill abc failed" in capsys.readouterr().err
    assert said == (status == "COMPLETED_FAILED" and outcome == "COMPLETED_SUCCESS")


def test_a_failed_run_that_was_not_tried_again_is_a_failure() -> None:
    api = Answered(replace(REQUESTED, status="COMPLETED_FAILED", runs=LOST))
    assert follow(api, "abc", 24, Progress(), lambda: None).status == "COMPLETED_FAILED"
    api = Answered(replace(REQUESTED, status="COMPLETED_FAILED", runs=runs("SUCCESS", "SUCCESS", "SUCCESS")))
    assert follow(api, "abc", 72, Progress(), lambda: None).status == "COMPLETED_FAILED"


def test_a_run_that_names_no_partition_counts_for_no_hour() -> None:
    odd = replace(REQUESTED, runs=(BackfillRun("x", "SUCCESS", "", "", None),))
    assert hours_of(odd, "SUCCESS") == set()


HOUR = datetime(2026, 10, 1, tzinfo=UTC)
LOADED = replace(REQUESTED, status="COMPLETED_SUCCESS", runs=runs("SUCCESS", "SUCCESS", "SUCCESS"))
STACK = RunningStack(Settings(home=Path("/srv/weather")), "replay", "postgresql://127.0.0.1/weather", None)


def outcome(rows: int | None = 1008, lineage: LineageFound | None = None) -> Outcome:
    return Outcome([HOUR], launched=1, backfill=LOADED, failures=(), rows=rows, lineage=lineage)


def test_a_lineage_api_that_wants_a_login_loses_no_report() -> None:
    expected = [ExpectedRun(f"run-{number}", "raw", frozenset({"COMPLETED"})) for number in (1, 2)]
    asked: list[str] = []

    def watch() -> None:
        asked.append("")

    with MarquezDouble(lambda _: (401, {"message": "Unauthorized"})) as marquez, MarquezClient(marquez.url) as client:
        found = await_lineage(client, expected, Progress(), watch)
    assert len(asked) == 1, "what is refused is not asked again"
    assert (found.expected, found.states, len(found.missing)) == (2, {}, 2)
    assert found.error is not None
    assert "answered 401" in found.error
    assert not outcome(lineage=found).succeeded
    assert f"Error: {found.error}" in failure_lines(STACK, outcome(lineage=found))
    assert summary(STACK, outcome(lineage=found), Progress())["lineage"]["error"] == found.error


def test_a_warehouse_that_is_away_at_the_end_loses_no_report(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"postgresql://weather:hunter2@127.0.0.1:{free_port()}/weather"
    assert count_rows(url, HOUR, HOUR, Progress()) is None
    said = capsys.readouterr().err
    assert "The rows can't be counted: The database is not available" in said
    assert "hunter2" not in said
    body = json.loads(json.dumps(summary(STACK, outcome(rows=None), Progress())))
    assert (body["status"], body["rows"]) == ("COMPLETED_SUCCESS", None)
    assert any("an unknown number in weather.observations" in line for line in report_lines(STACK, outcome(rows=None)))
    assert any("1,008 in weather.observations" in line for line in report_lines(STACK, outcome()))


def test_rows_that_are_not_there_are_counted_with_the_command_that_says_why() -> None:
    assert not any("missing or quarantined" in line for line in report_lines(STACK, outcome(rows=15)))
    (line,) = [line for line in report_lines(STACK, outcome(rows=14)) if "missing or quarantined" in line]
    assert "1 of 15 are" in line
    assert "quality --from 2026-10-01T00 --to 2026-10-01T00 --home /srv/weather" in line
