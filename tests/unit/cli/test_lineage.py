"""`weather lineage`: help, documentation, usage, and what its import needs."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from weather_pipeline.cli.lineage import lineage

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("exporter-commands.md", "lineage-service.md", "lineage-page.md")
PAGE = "".join((DOCS / page).read_text() for page in PAGES)
SERVERS = {"weather lineage serve", "weather lineage web"}
"""Commands that stay, and so have no one result to give as JSON."""
SHARED = {"module", "python_file", "attribute", "working_directory", "location", "sensor", "home", "as_json", "help"}


def commands(group: click.Group = lineage, name: str = "weather lineage") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for command in group.commands.values():
        path = f"{name} {command.name}"
        found |= commands(command, path) if isinstance(command, click.Group) else {path: command}
    return found


COMMANDS = commands()


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_help_with_an_example_and_its_exit_codes(path: str) -> None:
    result = CliRunner().invoke(lineage, [*path.split()[2:], "--help"])
    assert result.exit_code == 0
    assert path in result.output.split("Example")[1]
    assert "Exit codes: 0" in result.output
    assert ("--json" in result.output) == (path not in SERVERS)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_is_documented_with_its_options(path: str) -> None:
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    mine = next(part for part in section if part.startswith(f"{path}\n"))
    assert f"\n{path} " in mine or f"\n{path}\n" in mine, "no example"
    assert "Exit codes: 0" in mine
    for option in COMMANDS[path].params:
        if isinstance(option, click.Option) and option.name not in SHARED:
            assert f"`{option.opts[0]}`" in mine or f"{option.opts[0]} " in mine or f"{option.opts[0]}\n" in mine


def test_nothing_is_documented_that_is_not_there() -> None:
    assert re.findall(r"^## (weather lineage .*)$", PAGE, flags=re.MULTILINE) == sorted(
        COMMANDS, key=lambda path: PAGE.index(f"## {path}\n")
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "--since", "soon"], "'soon' is no time"),
        (["verify", "--since", "1h", "--until", "2h"], "is empty or reversed"),
        (["verify", "--threshold", "101"], "--threshold"),
        (["replay"], "--since"),
        (["explain"], "RUN|ASSET"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(lineage, arguments)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m", "a", "-f", "b.py"], "exclude each other"),
        (["-a", "defs"], "An attribute (-a) needs a module"),
    ],
)
def test_contradictions_are_told(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(lineage, ["status", *arguments], env={"DAGSTER_HOME": "/nowhere"})
    assert result.exit_code == 1
    assert words in result.output


def test_its_commands_need_click_alone_until_they_run() -> None:
    script = (
        "import sys\nfrom weather_pipeline.cli.lineage import lineage\n"
        "lineage.main(['verify', '--help'], standalone_mode=False)\n"
        "slow = {'dagster', 'openlineage', 'pydantic', 'requests', 'rich', 'psutil', 'weather_pipeline.settings'}\n"
        "sys.exit(', '.join(slow & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
