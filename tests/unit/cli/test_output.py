"""What the commands print."""

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from weather_pipeline.cli.demo import Outcome, summary
from weather_pipeline.cli.panel import panel_lines, show_panel
from weather_pipeline.cli.progress import Progress
from weather_pipeline.cli.quality_docs import quality_markdown
from weather_pipeline.cli.settings_docs import settings_markdown
from weather_pipeline.cli.status import status_table
from weather_pipeline.cli.verify import Verification
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.stack.plan import LineageTarget, StackOptions
from weather_pipeline.stack.status import PartStatus, StackStatus

ROOT = Path(__file__).resolve().parents[3]
LINEAGE = Verification(
    jobs=("job:n:a",), runs={"COMPLETED": 1}, datasets=("dataset:n:d",), edges=(("a", "b"),), missing=(), failed=()
)
OUTCOME = Outcome(hours=24, runs=("id",), seconds=7.6, rows=1440, lineage=LINEAGE)


def options(lineage_url: str | None = "http://127.0.0.1:5100") -> StackOptions:
    settings = Settings(home=Path("/srv/weather"), port_offset=100, source=SourceName.REPLAY)
    return StackOptions(settings, LineageTarget(lineage_url, embedded=lineage_url is not None, reason="why"))


def test_the_summary_has_the_agreed_shape() -> None:
    progress = Progress(Console(file=io.StringIO()))
    with progress.phase("start", "Starting"):
        pass
    body = json.loads(json.dumps(summary(options().settings, OUTCOME, progress)))
    assert set(body) == {"jobs", "runs", "datasets", "edges", "rows_loaded", "seconds", "source"}
    assert body["jobs"] == ["job:n:a"]
    assert body["edges"] == [["a", "b"]]
    assert (body["runs"], body["rows_loaded"], body["source"]) == ({"COMPLETED": 1}, 1440, "replay")
    assert set(body["seconds"]) == {"start", "total"}


def test_the_panel_says_where_what_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    show_panel(options(), OUTCOME)
    out = capsys.readouterr().out
    for words in (
        "http://localhost:3100",
        "http://localhost:5101",
        "one run over 24 hours, 8 s of work",
        "1,440 in weather.observations",
        "recorded observations",
        "curl -s http://localhost:5100/api/v1/namespaces/weather-pipeline/jobs",
        "status --home /srv/weather",
    ):
        assert words in out
    assert "\x1b[" not in out


def test_the_panel_of_a_narrow_terminal_has_no_line_of_ours_too_wide_and_breaks_no_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    show_panel(options(), OUTCOME)
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert (len(first), last) == (60, "─" * 60)
    assert lines == panel_lines(options(), OUTCOME)


def test_the_panel_of_a_second_start_and_of_lineage_elsewhere() -> None:
    nothing = Outcome(hours=24, runs=(), seconds=0.0, rows=1440, lineage=None)
    text = "\n".join(panel_lines(options(None), nothing))
    assert "nothing: all 24 hours were there" in text
    assert "goes where why says" in text
    assert "curl" not in text


def test_progress_is_a_log_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    with progress.phase("start", "Starting the stack"):
        progress.starting("postgres")
        progress.starting("postgres")
        progress.ready("postgres", 0.7)
    progress.note("Look here.")
    lines = [line.split("] ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert lines[:3] == ["Starting the stack …", "Starting postgres", "postgres is ready after 0.7 s"]
    assert lines[3].startswith("Starting the stack: done in ")
    assert lines[4] == "Look here."
    assert set(progress.seconds) == {"start"}


@pytest.mark.parametrize(("total", "told"), [(48, [12, 24, 36, 48]), (5, [2, 3, 4, 5]), (1, [1])])
def test_a_log_has_a_line_for_each_quarter_of_a_count(total: int, told: list[int]) -> None:
    log = io.StringIO()
    progress = Progress(Console(file=log))
    for done in range(1, total + 1):
        progress.count("Fetching", done, total)
    assert [line.split("] ", 1)[1] for line in log.getvalue().splitlines()] == [
        f"Fetching: {done} of {total}" for done in told
    ]


def test_progress_on_a_terminal_keeps_the_ends_and_obeys_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = io.StringIO()
    progress = Progress(Console(file=screen, force_terminal=True))
    with progress.phase("start", "Starting"), progress.phase("migrate", "Migrating"):
        progress.update("half-way")
    assert "✓ Starting: done in" in screen.getvalue()
    assert "✓ Migrating: done in" in screen.getvalue()
    assert "\x1b[32m" not in screen.getvalue()


def test_progress_outlives_whoever_listened(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    closed = os.fdopen(write, "w", buffering=1)
    monkeypatch.setattr("sys.stderr", closed)
    progress = Progress()
    with progress.phase("stop", "Stopping"):
        progress.stopping("postgres")
        progress.note("Nobody hears this.")
    assert set(progress.seconds) == {"stop"}
    with pytest.raises(BrokenPipeError):
        closed.close()


def test_a_phase_that_fails_is_not_done() -> None:
    progress = Progress(Console(file=io.StringIO()))
    with pytest.raises(ValueError, match="no"), progress.phase("start", "Starting"):
        raise ValueError("no")
    assert progress.seconds == {}


def test_status_for_people() -> None:
    part = PartStatus("daemon", 12, None, "up", 61.2, "/srv/weather/logs/daemon.log")
    text = status_table(StackStatus("up", "/srv/weather", supervisor=11, parts=(part,)))
    assert text.splitlines()[0] == "up  (/srv/weather)"
    assert text.splitlines()[2].split() == ["daemon", "12", "-", "up", "61", "s", "/srv/weather/logs/daemon.log"]
    orphaned = status_table(StackStatus("degraded", "/srv/weather", parts=(replace(part, uptime_seconds=7300.0),)))
    assert "The supervisor is gone" in orphaned.splitlines()[1]
    assert " 2 h " in orphaned


def test_the_page_of_settings_is_up_to_date() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == settings_markdown()


def test_the_page_of_quality_is_up_to_date() -> None:
    assert (ROOT / "docs" / "quality.md").read_text() == quality_markdown()
