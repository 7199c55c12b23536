"""Articles from CSV files into an Iceberg table, and their lineage, on a catalog of directories and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector
from tests.integration.spark.conftest import Spark, deliver_all
from tests.integration.spark.runs import BATCH
from tests.openlineage_spec import findings
from weather_pipeline.lineage.sinks.configured import open_sink
from weather_pipeline.lineage.spool import files
from weather_pipeline.lineage.spool.forward import Forwarder
from weather_pipeline.spark.article_columns import COLUMNS
from weather_pipeline.stack.ports import HOST, free_port
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

JOB = "batch_write_raw_with_lineage"
TABLE = ("iceberg://demo", "demo.news.articles_raw")
REJECTED = ("iceberg://demo", "demo.news.articles_raw_rejected")
ARTICLES = ("file", "weather_pipeline/articles")


@dataclass(frozen=True)
class Home:
    """A home of its own with a catalog.

    Attributes:
        spark: Runs jobs there.
        catalog: The catalog's variables.
    """

    spark: Spark
    catalog: dict[str, str]

    def run(self, **more: str) -> dict[str, Any]:
        """Run the job; what it printed."""
        done = self.spark.run(BATCH, **self.catalog, **more)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def deliver(self, backend: Collector) -> list[dict[str, Any]]:
        """Deliver what the spool has; the events."""
        return deliver_all(self.spark.home / "spark-events", backend)


@pytest.fixture(scope="module")
def backend() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module", autouse=True)
def _soon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_QUIET", 0.0)
        yield


@pytest.fixture(scope="module")
def directories(spark_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(Spark(tmp_path_factory.mktemp("one"), spark_jars), {"WEATHER_ICEBERG_CATALOG": "hadoop"})


@pytest.fixture(scope="module")
def database(spark_jars: Path, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Home:
    uri = postgres.ensure_database("iceberg")
    spark = Spark(tmp_path_factory.mktemp("other home"), spark_jars)
    return Home(spark, {"WEATHER_ICEBERG_URI": uri, "WEATHER_PORT_OFFSET": "100"})


@dataclass(frozen=True)
class Ran:
    """What a run printed and told."""

    printed: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def last(self) -> dict[str, Any]:
        """The application's end."""
        return [event for event in self.events if event["job"]["name"] == JOB][-1]


@pytest.fixture(scope="module")
def first(directories: Home, backend: Collector) -> Ran:
    return Ran(directories.run(), directories.deliver(backend))


@pytest.fixture(scope="module")
def on_database(database: Home, backend: Collector) -> Ran:
    return Ran(database.run(), database.deliver(backend))


def datasets(event: dict[str, Any], side: str) -> set[tuple[str, str]]:
    return {(each["namespace"], each["name"]) for each in event[side]}


def test_good_rows_are_in_the_table_and_bad_ones_beside_it(first: Ran) -> None:
    assert (first.printed["rows"], first.printed["rejected"], first.printed["total"]) == (160, 3, 160)
    assert first.printed["snapshot"]


def test_the_same_files_again_add_nothing_and_a_backend_that_is_away_all_the_time_gets_it_later(
    first: Ran, directories: Home, backend: Collector
) -> None:
    away = f"http://{HOST}:{free_port()}"
    again = directories.run(MARQUEZ_URL=away)
    assert (again["rows"], again["rejected"], again["total"]) == (0, 0, 160)
    written = {(event["run"]["runId"], event["eventType"]) for event in directories.spark.events()}
    refused = Forwarder(directories.spark.home / "spark-events", open_sink(away)).run(5.0)
    assert (refused.sent, refused.open) == (0, 1)
    assert refused.trouble
    told = directories.deliver(backend)
    assert {(event["run"]["runId"], event["eventType"]) for event in told} == written
    assert [event["eventType"] for event in told if event["job"]["name"] == JOB][-1] == "COMPLETE"


def test_the_application_reads_the_files_and_writes_the_tables(first: Ran) -> None:
    assert first.last["eventType"] == "COMPLETE"
    assert datasets(first.last, "inputs") == {ARTICLES}
    assert datasets(first.last, "outputs") == {TABLE, REJECTED}


def test_the_job_is_described_by_its_program(first: Ran) -> None:
    assert "Iceberg" in first.last["job"]["facets"]["documentation"]["description"]


def test_columns_come_from_the_files(first: Ran) -> None:
    (written,) = [each for each in first.last["outputs"] if each["name"] == TABLE[1]]
    fields = written["facets"]["columnLineage"]["fields"]
    direct = {
        column: {
            (each["namespace"], each["name"], each["field"])
            for each in made["inputFields"]
            if any(how["type"] == "DIRECT" for how in each["transformations"])
        }
        for column, made in fields.items()
    }
    assert direct == {column: {(*ARTICLES, column)} for column in COLUMNS}


def test_every_event_is_what_openlineage_s_schemas_say(first: Ran, on_database: Ran) -> None:
    known = ("DatasetFacet.dataSource: 'file' is not a 'uri' at ['uri']", "icebergScanReport stands among")
    found = {each for ran in (first, on_database) for event in ran.events for each in findings(event)}
    assert {each for each in found if not each.startswith(known)} == set()


def test_names_are_equal_in_another_home_with_another_catalog(first: Ran, on_database: Ran) -> None:
    def names(ran: Ran) -> set[tuple[str, ...]]:
        jobs = {("job", event["job"]["namespace"], event["job"]["name"]) for event in ran.events}
        return jobs | {each for event in ran.events for side in ("inputs", "outputs") for each in datasets(event, side)}

    assert names(on_database) == names(first)
    assert on_database.printed["rows"] == first.printed["rows"]


def test_the_database_s_password_is_nowhere(on_database: Ran, database: Home) -> None:
    password = database.catalog["WEATHER_ICEBERG_URI"].split(":")[2].split("@")[0]
    assert password
    assert password not in json.dumps(on_database.events)


def test_a_job_that_fails_is_no_success(directories: Home, backend: Collector) -> None:
    done = directories.spark.run(BATCH, **directories.catalog, WEATHER_ICEBERG_WAREHOUSE="file:///proc/nowhere")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "/proc/nowhere" in last
    told = [event for event in directories.deliver(backend) if event["job"]["name"] == JOB]
    assert [event["eventType"] for event in told if event["eventType"] != "RUNNING"] == ["START", "FAIL"]
    error = told[-1]["run"]["facets"]["errorMessage"]
    assert error["message"]
    assert "Traceback (most recent call last)" in error["stackTrace"]


def test_no_file_is_a_clear_error(directories: Home) -> None:
    done = directories.spark.run(BATCH, **directories.catalog, SCRAPED_DATA_PATH="nowhere/*.csv")
    assert done.returncode == 1
    assert "SCRAPED_DATA_PATH is 'nowhere/*.csv'" in done.stderr


def test_a_file_with_other_columns_is_a_clear_error(directories: Home, tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("id,title\n1,Rain\n")
    done = directories.spark.run(BATCH, **directories.catalog, SCRAPED_DATA_PATH=str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {file} has other columns than articles: its header is 'id,title'.")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("argument", "code", "said"), [("--help", 0, "SCRAPED_DATA_PATH"), ("more", 2, "more")])
def test_arguments_are_read_before_spark_starts(directories: Home, argument: str, code: int, said: str) -> None:
    done = directories.spark.run(BATCH, argument, **directories.catalog)
    assert done.returncode == code
    assert said in (done.stderr if code else done.stdout)
