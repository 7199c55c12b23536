"""What `weather iceberg` makes of a table's facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from weather_pipeline.cli.iceberg import iceberg
from weather_pipeline.cli.iceberg.common import catalog_settings
from weather_pipeline.cli.iceberg.facts import Column, PartitionField, SnapshotFacts, TableFacts
from weather_pipeline.cli.iceberg.show import aligned, table_lines, unknown
from weather_pipeline.spark.catalog import Table
from weather_pipeline.stack import environment

EMPTY = TableFacts(
    table="demo.news.articles_raw",
    comment=None,
    location="file:///lake/news/articles_raw",
    format_version=2,
    rows=0,
    data_files=0,
    delete_files=0,
    bytes=0,
    snapshot=None,
    columns=(Column("id", "string", required=True, doc=None),),
    partitions=(),
    snapshot_count=0,
    snapshots=(),
    properties={},
)
SNAPSHOT = SnapshotFacts(17, "2026-11-22T18:20:57.633+00:00", "append", 1000, 0, 1234567, 12, {"weather.batch": "3"})


def test_a_table_is_the_running_stack_s_where_none_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {"ICEBERG_TABLE": "demo.news.theirs", "WEATHER_ICEBERG_URI": "postgresql://u:p@h/d"}
    monkeypatch.setattr(environment, "dagster_environment", lambda _: given)
    settings = catalog_settings(tmp_path)
    assert settings.iceberg_table == "demo.news.theirs"
    assert settings.iceberg_uri is not None
    assert settings.iceberg_uri.get_secret_value() == "postgresql://u:p@h/d"
    assert settings.home == tmp_path
    monkeypatch.setenv("WEATHER_ICEBERG_TABLE", "demo.news.own")
    assert catalog_settings(tmp_path).iceberg_table == "demo.news.own"


def test_a_table_without_a_snapshot_has_its_columns_alone() -> None:
    lines = [line for line, _ in table_lines(EMPTY)]
    assert "  snapshot    none yet" in lines
    assert "  partitions  none" in lines
    assert "  id  string  required" in lines
    assert "Properties" not in lines


def test_figures_stand_below_each_other() -> None:
    partitions = (PartitionField("day", "published_at", "day"),)
    facts = replace(EMPTY, partitions=partitions, snapshots=(SNAPSHOT,), snapshot_count=4)
    lines = [line for line, _ in table_lines(facts)]
    assert "  partitions  day of published_at" in lines
    place = lines.index("Snapshots, the newest 1 of 4")
    assert lines[place + 1 : place + 3] == [
        "  id  time (UTC)           operation  rows added  removed      total  files",
        "  17  2026-11-22 18:20:57  append          1,000        0  1,234,567     12",
    ]
    assert [line for line, is_heading in table_lines(facts) if is_heading] == [
        "demo.news.articles_raw",
        "Columns",
        "Snapshots, the newest 1 of 4",
    ]


def test_a_table_that_is_not_there_is_told_with_its_catalog(tmp_path: Path) -> None:
    def said(table: str) -> str:
        variables = {"WEATHER_ICEBERG_CATALOG": "hadoop", "WEATHER_HOME": str(tmp_path)}
        done = CliRunner().invoke(iceberg, ["show", table], env=variables)
        assert done.exit_code == 1
        return done.output

    assert "the catalog no has none. Those of the jobs are in demo (ICEBERG_TABLE)" in said("no.such.table")
    assert "the catalog demo has none yet. `weather stream run` makes them" in said("demo.such.table")


def test_the_tables_that_are_there_are_named() -> None:
    said = unknown(Table.parsed("demo.such.table"), ["news.a", "news.b"], "demo")
    assert said == "There is no table demo.such.table. There are: demo.news.a, demo.news.b."


def test_no_rows_are_no_lines() -> None:
    assert aligned([]) == []
