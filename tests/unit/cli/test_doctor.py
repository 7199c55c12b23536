"""How a report is shown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from weather_pipeline.cli.doctor import doctor, report_json, report_lines
from weather_pipeline.doctor.checks import NAMES
from weather_pipeline.doctor.examine import Report
from weather_pipeline.doctor.finding import Finding, Status

WELL = Finding("a", Status.OK, "3000 is free", check="ports")
ALSO = Finding("b", Status.OK, "5000 is free", check="ports")
AWAY = Finding("c", Status.SKIPPED, "not running", check="stack")
BAD = Finding("d", Status.PROBLEM, "It is broken.", "Somebody did it.", "Undo it:", "weather undo", "lake")
SO_SO = Finding("e", Status.WARNING, "It is old.", "Time.", "Wait.", check="clock")


def shown(*findings: Finding, width: int | None = None) -> list[str]:
    return [text for text, _, _ in report_lines(Report(findings), width)]


def test_what_is_well_is_one_line() -> None:
    assert shown(WELL, ALSO, AWAY) == [
        "✓ ports       3000 is free; 5000 is free",
        "- stack       not running",
        "",
        "All is well.",
    ]


def test_trouble_has_cause_remedy_and_command() -> None:
    assert shown(BAD, SO_SO) == [
        "✗ lake        It is broken.",
        "              Cause   Somebody did it.",
        "              Remedy  Undo it:",
        "                      weather undo",
        "! clock       It is old.",
        "              Cause   Time.",
        "              Remedy  Wait.",
        "",
        "1 problem, 1 warning.",
    ]


def test_checks_that_did_not_look_for_one_reason_share_a_line() -> None:
    first, second = (Finding("x", Status.SKIPPED, "later", check=check) for check in ("lake", "clock"))
    assert shown(first, second)[0] == "-             lake, clock: later"


def test_nothing_is_well_where_nothing_was_looked_at() -> None:
    assert shown(AWAY)[-1] == "Nothing was looked at."


def test_a_stream_that_knows_ascii_only_gets_ascii() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "NO_COLOR": "1", "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "weather_pipeline.cli", "doctor", "python", "settings"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert "Traceback" not in result.stderr
    assert result.stdout.startswith(("+ ", "! "))
    assert "\x1b" not in result.stdout


def test_lines_are_broken_for_a_terminal_but_commands_never() -> None:
    long = Finding("d", Status.PROBLEM, "word " * 20, "c", "r", "command " * 20, "lake")
    lines = shown(long, width=40)
    assert all(len(line) <= 40 for line in lines if "command" not in line)
    assert any(line.count("command") == 20 for line in lines)


def test_the_json_is_what_programs_were_promised() -> None:
    body = json.loads(json.dumps(report_json(Report((WELL, BAD)))))
    assert set(body) == {"version", "healthy", "counts", "findings"}
    assert body["healthy"] is False
    assert body["counts"] == {"ok": 1, "warning": 0, "problem": 1, "skipped": 0}
    assert body["findings"][1] == {
        "check": "lake",
        "subject": "d",
        "status": "problem",
        "found": "It is broken.",
        "cause": "Somebody did it.",
        "remedy": "Undo it:",
        "command": "weather undo",
    }


def test_the_help_names_every_check() -> None:
    text = CliRunner().invoke(doctor, ["--help"]).output
    assert all(name in text for name in NAMES)


def test_an_unknown_check_is_wrong_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(doctor, ["weather", "--home", str(tmp_path)])
    assert result.exit_code == click.UsageError.exit_code
    assert "There is no check 'weather'" in result.output


def test_settings_that_cannot_be_read_are_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_PORT_OFFSET", "many")
    result = CliRunner().invoke(doctor, ["settings", "ports", "disk", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "✗ settings    WEATHER_PORT_OFFSET: " in result.output
    assert "ports, disk: not looked at" in result.output


def test_the_documentation_names_every_check() -> None:
    page = (Path(__file__).parents[3] / "docs" / "troubleshooting.md").read_text()
    assert all(f"| `{name}` |" in page for name in NAMES)
