"""Scores and failed rules, read back by the command, the views and the documented queries."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.integration.store.observations import execute, query
from tests.unit.weather.bronze_rows import HOUR, NEXT, bronze_file, row
from weather_pipeline.cli import weather
from weather_pipeline.cli.quality_docs import quality_markdown
from weather_pipeline.store.quality_history import FailedRule, read_hours, read_runs
from weather_pipeline.store.quality_tables import replace_quality, replace_quarantine
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.quality import QualityReport, evaluate

pytestmark = pytest.mark.integration

END = NEXT + timedelta(hours=1)


def judged(directory: Path, *, wind: float) -> QualityReport:
    """Two hours; in the first one place has a wind of its own."""
    files = [
        bronze_file(
            directory,
            [
                row(location_id=place.id, time=f"{hour:%Y-%m-%dT%H:%M}", wind_speed_10m=speed, wind_gusts_10m=None)
                for place, speed in zip(LOCATIONS, [wind if hour == HOUR else 18.0, *[18.0] * 14], strict=True)
            ],
            hour=hour,
        )
        for hour in (HOUR, NEXT)
    ]
    return evaluate(files, start=HOUR, end=END)


@pytest.fixture
def two_runs(warehouse: str, tmp_path: Path) -> str:
    """A run that found an impossible wind, and a later one that found none."""
    for run_id, wind in (("first", 1687.2), ("second", 20.0)):
        report = judged(tmp_path, wind=wind)
        replace_quality(warehouse, report, run_id=run_id)
        replace_quarantine(warehouse, report)
    return warehouse


def test_an_hour_is_as_it_was_last_judged(two_runs: str, tmp_path: Path) -> None:
    assert [(h.hour, h.run_id, h.score, h.failed) for h in read_hours(two_runs, HOUR, END)] == [
        (HOUR, "second", 1.0, ()),
        (NEXT, "second", 1.0, ()),
    ]
    replace_quality(two_runs, judged(tmp_path, wind=1687.2), run_id="third")
    [hour, _] = read_hours(two_runs, HOUR, END)
    assert (hour.run_id, hour.dataset, hour.rows, hour.quarantined) == ("third", "bronze/weather", 15, 1)
    assert hour.failed == (FailedRule("range_wind_speed_ms", "error", 15, 1),)
    assert 0.9 < hour.score < 1
    assert read_hours(two_runs, END, END + timedelta(hours=1)) == []


def test_each_run_has_its_score_for_each_dataset(two_runs: str) -> None:
    second, first = read_runs(two_runs, HOUR, END)
    assert (first.run_id, second.run_id) == ("first", "second")
    assert first.score < second.score == 1.0
    assert (first.dataset, first.hours, first.rows_received, first.rows_quarantined) == ("bronze/weather", 2, 30, 1)
    assert (first.first_hour, first.last_hour) == (HOUR, NEXT)
    assert read_runs(two_runs, END, END + timedelta(hours=1)) == []


def test_times_are_utc_whatever_the_databases_zone(two_runs: str) -> None:
    execute(two_runs, f"ALTER DATABASE {two_runs.rpartition('/')[2]} SET timezone TO 'Asia/Kolkata'")
    [hour, _] = read_hours(two_runs, HOUR, END)
    [run, _] = read_runs(two_runs, HOUR, END)
    assert hour.hour.utcoffset() == run.evaluated_at.utcoffset() == timedelta(0)


def test_metrics_of_before_the_migration_are_of_bronze(warehouse: str) -> None:
    """Its default was taken for the rows that were there; new ones must say what they judged."""
    [(default,)] = query(
        warehouse,
        "SELECT column_default FROM information_schema.columns WHERE table_name = 'quality_metrics' "
        "AND column_name = 'dataset'",
    )
    assert default is None


@pytest.fixture
def command(two_runs: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WEATHER_DATABASE_URL", two_runs)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(weather, ["quality", *arguments])

    return run


SPAN = ("--from", "2026-02-12", "--to", "2026-02-13T00:00")


def test_the_command_shows_each_hour_with_what_failed(command, two_runs: str, tmp_path: Path) -> None:
    replace_quality(two_runs, judged(tmp_path, wind=1687.2), run_id="third")
    lines = command(*SPAN).output.splitlines()
    assert lines[0] == "bronze/weather"
    assert lines[2].split() == ["2026-02-12", "08:00", "15", "1", lines[2].split()[4], *lines[2].split()[5:]]
    assert lines[2].endswith("range_wind_speed_ms 1/15 (error)")
    assert lines[3].split() == ["2026-02-12", "09:00", "15", "0", "1.0000", "-"]
    assert lines[4].split()[:4] == ["2", "hours", "30", "1"]


def test_the_command_shows_each_run(command) -> None:
    lines = command(*SPAN, "--runs").output.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "second", "first"]
    assert lines[1].split()[1:8] == ["bronze/weather", "2026-02-12", "08:00", "2", "30", "0", "1.0000"]


def test_the_command_gives_json(command) -> None:
    found = json.loads(command(*SPAN, "--json").output)
    assert found["from"] == "2026-02-12T00:00:00+00:00"
    assert found["datasets"] == [{"dataset": "bronze/weather", "hours": 2, "rows": 30, "quarantined": 0, "score": 1.0}]
    assert [hour["hour"] for hour in found["hours"]] == ["2026-02-12T08:00:00+00:00", "2026-02-12T09:00:00+00:00"]
    assert [run["run_id"] for run in found["runs"]] == ["second", "first"]


def test_hours_that_nobody_judged_are_said_so_and_a_turned_range_is_wrong_usage(command) -> None:
    nothing = command("--from", "2026-01-01", "--to", "2026-01-02")
    assert (nothing.exit_code, nothing.output) == (
        0,
        "No hour from 2026-01-01 00:00 to before 2026-01-03 00:00 was judged. Choose others with --from and --to.\n",
    )
    turned = command("--from", "2026-02-13", "--to", "2026-02-12")
    assert turned.exit_code == 2
    assert "The range is reversed" in turned.output


def test_the_last_day_is_shown_if_nothing_is_said(command, two_runs: str, tmp_path: Path) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    report = evaluate([], start=hour, end=hour + timedelta(hours=1))
    replace_quality(two_runs, report, run_id="now")
    lines = command().output.splitlines()
    assert lines[2].split()[2:] == ["0", "0", "0.0000", "rows_present", "1/1", "(error)"]


def test_the_documented_queries_answer(two_runs: str) -> None:
    queries = re.findall(r"```sql\n(.*?)```", quality_markdown(), re.DOTALL)
    assert len(queries) == 4
    day, _, changed, _ = [query(two_runs, statement) for statement in queries]
    assert day[0][0] == "bronze/weather"
    assert [(hour, run) for _, hour, run, *_ in changed] == [(HOUR, "second")]
