"""Help texts, exit codes, and how fast the command starts."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from weather_pipeline.cli import FAILED, INTERRUPTED, exit_code, main, weather
from weather_pipeline.cli.status import status
from weather_pipeline.errors import StackError

COMMANDS = weather.list_commands(click.Context(weather))


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(weather, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"weather {command}".strip() in result.output.split("Example")[1]


def test_the_list_of_commands_cuts_no_summary() -> None:
    listed = CliRunner().invoke(weather, ["--help"], terminal_width=80).output.split("Commands:")[1]
    assert "..." not in listed
    assert all(command in listed for command in COMMANDS)


def test_missing_rights_come_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused() -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "lock"))

    assert exit_code(refused) == FAILED
    error = capsys.readouterr().err
    assert f"{tmp_path / 'lock'} can't be opened or written: Permission denied." in error
    assert "--home DIR" in error
    assert "`weather doctor`" in error


def test_help_imports_nothing_slow() -> None:
    script = (
        "import sys\nfrom weather_pipeline.cli import weather\n"
        "weather.main(['--help'], standalone_mode=False)\n"
        "slow = {'dagster', 'duckdb', 'pyarrow', 'psycopg', 'pydantic', 'requests', 'rich'}\n"
        "sys.exit(', '.join(slow & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no-such-command"], 2, "No such command"),
        (["backfil"], 2, "Did you mean 'backfill'?"),
        (["up", "--port-offset", "-1"], 2, "--port-offset"),
        (["up", "--once", "--detach"], 2, "exclude each other"),
        (["demo", "--hours", "0"], 2, "--hours"),
        (["backfill"], 2, "FROM"),
        (["backfill", "tomorrow"], 2, "'tomorrow' is neither a day"),
        (["backfill", "2026-10-02", "2026-10-01"], 2, "The range is reversed"),
    ],
)
def test_wrong_usage(arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == code
    assert words in capsys.readouterr().err


def test_a_setting_that_cannot_be_used_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEATHER_PORT_OFFSET", "many")
    with pytest.raises(SystemExit) as end:
        main(["status"])
    assert end.value.code == FAILED
    error = capsys.readouterr().err
    assert "WEATHER_PORT_OFFSET:" in error
    assert "'many'" in error
    assert "Traceback" not in error


def test_errors_become_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise StackError("the reason")

    def interrupted() -> None:
        raise KeyboardInterrupt

    assert exit_code(fails) == FAILED
    assert capsys.readouterr().err == "Error: the reason\n"
    assert exit_code(interrupted) == INTERRUPTED
    assert exit_code(lambda: 7) == 7
    with pytest.raises(StackError):
        exit_code(fails, debug=True)


def test_status_of_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(status, ["--json", "--home", str(tmp_path)])
    assert result.exit_code == 3
    assert json.loads(result.output)["state"] == "not running"
    assert CliRunner().invoke(status, ["--home", str(tmp_path)]).output.startswith("not running")


def test_down_of_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(weather, ["down", "--home", str(tmp_path / "none")])
    assert result.exit_code == 0
    assert "Nothing was running." in result.output


@pytest.mark.parametrize("command", [["psql"], ["psql", "--lineage"], ["env"], ["backfill", "2026-10-01"]])
def test_without_a_stack_a_command_says_how_to_start_one(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command, "--home", str(tmp_path)])
    assert end.value.code == FAILED
    assert "weather up" in capsys.readouterr().err
