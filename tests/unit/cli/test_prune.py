"""`weather lineage prune`: what it is asked for, and how it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from weather_pipeline.cli.lineage import lineage
from weather_pipeline.errors import StackError

_URL = "postgresql://someone:hunter2@db.example/lineage"


@pytest.mark.parametrize(
    ("environment", "arguments", "words"),
    [
        (
            {"WEATHER_LINEAGE_DATABASE_URL": "postgresql://someone:hunter2/3@host"},
            [],
            "WEATHER_LINEAGE_DATABASE_URL can't",
        ),
        ({}, ["--database-url", "postgresql://someone:hunter2/3@host"], "--database-url can't be used"),
        ({}, ["--database-url", "postgresql://someone:1@hunter2@host"], "--database-url can't be used"),
        ({}, ["--database-url", "hunter2"], "--database-url can't be used"),
        ({}, ["--database-url", ""], "'--database-url': it is empty"),
        ({}, ["--database-url", _URL, "--home", "here"], "--database-url and --home exclude each other"),
        ({}, ["--database-url", _URL, "--older-than", "soon"], "'soon' is no time"),
        ({}, ["--database-url", _URL, "--older-than", "9000-01-01"], "'9000-01-01' lies ahead"),
        ({}, ["--database-url", _URL, "--older-than", "3d", "--retention-days", "3"], "exclude each other"),
        ({}, ["--database-url", _URL, "--retention-days", "0"], "--retention-days"),
        ({"WEATHER_LINEAGE_RETENTION_DAYS": "0"}, ["--database-url", _URL], "keeps everything"),
    ],
)
def test_wrong_usage(environment: dict[str, str], arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(lineage, ["prune", *arguments], env=environment)

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert "hunter2" not in result.output


@pytest.mark.parametrize("by_option", [True, False])
def test_where_no_service_runs_it_says_how_to_name_a_database(by_option: bool, tmp_path: Path) -> None:
    arguments = ["--home", str(tmp_path)] if by_option else []

    result = CliRunner().invoke(lineage, ["prune", *arguments], env={"WEATHER_HOME": str(tmp_path)})

    assert isinstance(result.exception, StackError)
    said = str(result.exception)
    assert f"No lineage service runs for {tmp_path}: start it with `weather lineage serve --home {tmp_path}`" in said
    assert ("set WEATHER_LINEAGE_DATABASE_URL to postgresql://" in said) == (not by_option)


def test_the_directory_on_the_command_line_counts_more_than_the_variable(tmp_path: Path) -> None:
    environment = {"WEATHER_LINEAGE_DATABASE_URL": _URL}

    result = CliRunner().invoke(lineage, ["prune", "--home", str(tmp_path)], env=environment)

    assert f"No lineage service runs for {tmp_path}" in str(result.exception)
