"""`weather lineage prune`: what it is asked for, and how it refuses."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from weather_pipeline.cli.lineage import lineage

_URL = "postgresql://someone:hunter2@db.example/lineage"


@pytest.mark.parametrize(
    ("environment", "arguments", "words"),
    [
        ({}, [], "set WEATHER_LINEAGE_DATABASE_URL to postgresql://"),
        (
            {"WEATHER_LINEAGE_DATABASE_URL": "postgresql://someone:hunter2/3@host"},
            [],
            "WEATHER_LINEAGE_DATABASE_URL can't",
        ),
        ({}, ["--database-url", "postgresql://someone:hunter2/3@host"], "--database-url can't be used"),
        ({}, ["--database-url", "postgresql://someone:1@hunter2@host"], "--database-url can't be used"),
        ({}, ["--database-url", "hunter2"], "--database-url can't be used"),
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
