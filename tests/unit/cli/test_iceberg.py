"""What `weather iceberg` makes of addresses and of a table's facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from weather_pipeline.cli.iceberg.common import catalog_settings
from weather_pipeline.cli.iceberg.facts import Column, PartitionField, SnapshotFacts, TableFacts
from weather_pipeline.cli.iceberg.show import aligned, table_lines
from weather_pipeline.cli.iceberg.tables import shown_address, sql_address
from weather_pipeline.errors import ConfigurationError
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


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("postgresql://u:p%40@h:1/d", "postgresql+psycopg://u:p%40@h:1/d?connect_timeout=10"),
        ("postgres://u@h/d?sslmode=require", "postgresql+psycopg://u@h/d?connect_timeout=10&sslmode=require"),
        ("postgresql://h/d?connect_timeout=3", "postgresql+psycopg://h/d?connect_timeout=3"),
        ("sqlite:////lake/catalog.db", "sqlite:////lake/catalog.db"),
    ],
)
def test_a_jdbc_catalog_s_address_is_sqlalchemy_s(uri: str, address: str) -> None:
    assert sql_address(uri) == address


@pytest.mark.parametrize("uri", ["mysql://u:secret@h/d", "postgresql:///d", "secret"])
def test_another_address_is_refused_without_its_text(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="WEATHER_ICEBERG_URI should be postgresql://") as caught:
        sql_address(uri)
    assert "secret" not in str(caught.value)


def test_people_see_neither_login_nor_options() -> None:
    assert shown_address("postgresql://u:p@h:1/d?password=x") == "postgresql://h:1/d"


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


def test_no_rows_are_no_lines() -> None:
    assert aligned([]) == []
