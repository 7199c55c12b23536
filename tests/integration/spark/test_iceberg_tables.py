"""Iceberg's tables, looked at without a JVM, and kept small without a loss."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector
from tests.integration.spark.conftest import ROOT, Spark, deliver_all
from tests.openlineage_spec import findings
from weather_pipeline.defs.iceberg import iceberg_definitions
from weather_pipeline.lineage.spool import files
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TABLE = "demo.news.articles_raw"
DATASET = ("iceberg://demo", TABLE)
ALL = [TABLE, f"{TABLE}_dead_letters", f"{TABLE}_rejected"]
FILL = ("tests.integration.spark.table_job", "fill")
AGAIN = ("tests.integration.spark.table_job", "again")
DAY = 86_400


@dataclass(frozen=True)
class Tables:
    """A home with tables on PostgreSQL, and some in directories alone.

    Attributes:
        spark: Runs jobs there.
        uri: The catalog's address, with its password.
        filled: What the job that filled them saw.
    """

    spark: Spark
    uri: str
    filled: dict[str, Any]

    @property
    def data(self) -> Path:
        return self.spark.home / "warehouse" / "news" / "articles_raw" / "data"

    def weather(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command where no Java can be found."""
        nowhere = self.spark.home / "nothing"
        nowhere.mkdir(exist_ok=True)
        environment = {"PATH": str(nowhere), "WEATHER_HOME": str(self.spark.home), "WEATHER_ICEBERG_URI": self.uri}
        command = [sys.executable, "-W", "error", "-m", "weather_pipeline.cli", "iceberg", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env={**environment, **more}, capture_output=True, text=True, check=False
        )

    def shown(self, *arguments: str, **more: str) -> dict[str, Any]:
        done = self.weather("show", *arguments, "--json", **more)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def tables(spark_jars: Path, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    spark = Spark(tmp_path_factory.mktemp("tables") / "a home", spark_jars)
    uri = postgres.ensure_database("iceberg_tables")
    done = spark.run(*FILL, WEATHER_ICEBERG_URI=uri, WEATHER_SPARK_LINEAGE_OFF="table_job")
    assert done.returncode == 0, done.stderr
    return Tables(spark, uri, json.loads(done.stdout.splitlines()[-1]))


@dataclass(frozen=True)
class Done:
    """A maintenance: how the table was before and is after, and what was told of it."""

    before: dict[str, Any]
    after: dict[str, Any]
    reported: dict[str, Any]
    events: list[dict[str, Any]]
    orphans: dict[str, bool]


@pytest.fixture(scope="module")
def maintained(tables: Tables) -> Done:
    """The asset's run. Of two orphan files one is of this moment, as that of a write which goes on."""
    before = tables.shown("--snapshots", "100")
    orphans = {name: tables.data / f"{name}.parquet" for name in ("old", "young")}
    for file in orphans.values():
        file.write_bytes(b"nobody's")
    long_ago = time.time() - 5 * DAY
    os.utime(orphans["old"], times=(long_ago, long_ago))
    more = {"WEATHER_ICEBERG_URI": tables.uri, "WEATHER_ICEBERG_KEEP_DAYS": "0", "WEATHER_ICEBERG_KEEP_SNAPSHOTS": "2"}
    with pytest.MonkeyPatch.context() as patch, Collector() as backend:
        patch.setattr(files, "_QUIET", 0.0)
        for name, value in tables.spark.environment(more).items():
            patch.setenv(name, value)
        job = iceberg_definitions().get_repository_def().get_job("iceberg_maintenance_job")
        result = job.execute_in_process()
        events = deliver_all(tables.spark.home / "spark-events", backend)
    assert result.success
    (made,) = result.asset_materializations_for_node("iceberg_maintenance")
    reported = {name: value.value for name, value in made.metadata.items()}
    there = {name: file.exists() for name, file in orphans.items()}
    return Done(before, tables.shown("--snapshots", "100"), reported, events, there)


def test_a_table_is_shown_without_a_java(tables: Tables, maintained: Done) -> None:
    found = maintained.before
    assert (found["table"], found["rows"]) == (TABLE, tables.filled["total"])
    assert found["columns"][0] == {
        "name": "id",
        "type": "string",
        "required": True,
        "doc": "The article, by its publisher",
    }
    assert [(each["column"], each["transform"]) for each in found["partitions"]] == [("published_at", "day")]
    assert found["snapshot_count"] == 7
    newest = found["snapshots"][0]
    assert (newest["id"], newest["operation"], newest["added_rows"]) == (found["snapshot"], "append", 1)
    assert newest["properties"] == {"weather.query": "one", "weather.batch": "3"}
    assert newest["total_rows"] == found["rows"]
    assert found["properties"]["write.metadata.delete-after-commit.enabled"] == "true"
    assert found["data_files"] == newest["files"]


def test_people_get_lines_and_no_colour_where_there_is_no_terminal(tables: Tables) -> None:
    done = tables.weather("show", "--snapshots", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [TABLE, "Articles as they were scraped or received"]
    assert f"  rows        {tables.filled['total']:,}" in lines
    assert "  partitions  day of published_at" in lines
    assert "\x1b" not in done.stdout


def test_the_catalog_s_tables_are_listed(tables: Tables) -> None:
    done = tables.weather("list", "--json")
    assert json.loads(done.stdout) == ALL


def test_a_table_of_directories_alone_is_shown(tables: Tables) -> None:
    directories = {"WEATHER_ICEBERG_CATALOG": "hadoop"}
    found = tables.shown("beside.press.articles", **directories)
    assert (found["rows"], found["data_files"], found["snapshot_count"]) == (1, 1, 1)
    listed = tables.weather("list", "--json", **directories)
    assert "demo.press.articles" in json.loads(listed.stdout)


def test_a_table_that_is_not_there_is_told_with_those_that_are(tables: Tables) -> None:
    done = tables.weather("show", "demo.news.nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: There is no table demo.news.nothing. There are: {', '.join(ALL)}.\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda uri: uri.replace(uri.split("@")[1].split("/")[0], "127.0.0.1:1"), "can't be reached"),
        (lambda uri: uri.replace("/iceberg_tables", "/postgres"), "has no Iceberg catalog"),
        (lambda uri: uri.replace("/iceberg_tables", "/nowhere"), "does not let us in"),
    ],
)
def test_a_catalog_that_can_t_be_asked_is_told_without_its_password(tables: Tables, change: Any, said: str) -> None:
    done = tables.weather("show", WEATHER_ICEBERG_URI=change(tables.uri))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert tables.uri.split(":")[2].split("@")[0] not in done.stderr


def test_small_files_are_joined_and_no_row_is_lost(tables: Tables, maintained: Done) -> None:
    (told,) = [each for each in maintained.reported["iceberg/tables"] if each["table"] == TABLE]
    assert told["files_joined"] == 6
    assert (told["files_before"], told["files_after"]) == (
        maintained.before["data_files"],
        maintained.after["data_files"],
    )
    assert maintained.after["data_files"] == maintained.before["data_files"] - 5
    assert maintained.after["rows"] == maintained.before["rows"] == told["rows"]
    assert (told["bytes_before"], told["bytes_after"]) == (maintained.before["bytes"], maintained.after["bytes"])
    assert maintained.reported["iceberg/files_joined"] == 6
    there = [file.stat().st_size for file in tables.data.rglob("*.parquet") if file.stem != "young"]
    assert (len(there), sum(there)) == (maintained.after["data_files"], maintained.after["bytes"])
    assert [each["table"] for each in maintained.reported["iceberg/tables"]] == [TABLE, ALL[2], ALL[1]]


def test_old_snapshots_expire_and_orphan_files_go(maintained: Done) -> None:
    assert maintained.reported["iceberg/snapshots_expired"] == 7
    assert [each["operation"] for each in maintained.after["snapshots"]] == ["append", "append", "replace"]
    assert maintained.orphans == {"old": False, "young": True}
    assert maintained.reported["iceberg/orphans_removed"] == 1


def test_what_is_told_of_it_are_the_tables_that_it_rewrote(maintained: Done) -> None:
    assert {event["job"]["name"] for event in maintained.events} == {"maintain_tables"}
    assert [event["eventType"] for event in maintained.events] == ["START", "COMPLETE"]
    last = maintained.events[-1]
    assert [(each["namespace"], each["name"]) for each in last["inputs"]] == [
        (DATASET[0], name) for name in (TABLE, ALL[2], ALL[1])
    ]
    (written,) = last["outputs"]
    assert (written["namespace"], written["name"]) == DATASET
    rewrite = maintained.after["snapshots"][-1]
    assert written["facets"]["version"]["datasetVersion"] == str(rewrite["id"])
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == 6
    assert written["outputFacets"]["outputStatistics"]["fileCount"] == 1
    assert last["inputs"][0]["inputFacets"]["inputStatistics"]["fileCount"] == 6
    assert maintained.reported["openlineage/outputs"] == [{"namespace": DATASET[0], "name": DATASET[1]}]
    (upstream,) = last["run"]["facets"]["jobDependencies"]["upstream"]
    assert upstream["job"]["name"] == "iceberg_maintenance_dagster"
    known = "DatasetFacet.dataSource: 'file' is not a 'uri' at ['uri']"
    assert {each for event in maintained.events for each in findings(event) if each != known} == set()


def test_a_stream_finds_its_last_micro_batches_afterwards(tables: Tables, maintained: Done) -> None:
    done = tables.spark.run(*AGAIN, WEATHER_ICEBERG_URI=tables.uri)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert {query: found["rows"] for query, found in seen["last"].items()} == {"one": 1, "two": 1}
    assert seen["written"] == seen["last"]["one"]
    assert seen["earlier"] is None, "only the last one can be made again"
    assert tables.shown()["rows"] == maintained.before["rows"]
    nothing, articles = seen["maintained"]["tables"]
    assert nothing["error"].startswith("There is no table demo.news.nothing. There are: demo.news.articles_raw, ")
    assert f"! demo.news.nothing: {nothing['error']}\n" in done.stderr
    assert (articles["error"], articles["files_joined"], articles["snapshots_expired"]) == (None, 0, 0)
    # Its files would all have been orphans here.
    assert "files of another table" in seen["shared"]["error"]
    assert (seen["shared"]["orphans_removed"], seen["shared"]["rows"]) == (0, maintained.before["rows"])
