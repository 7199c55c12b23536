"""Silver into the Iceberg table of the weather's history: rows, reruns, and lineage that joins the weather's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector
from tests.integration.spark.conftest import Spark, deliver_all
from tests.integration.spark.runs import HISTORY
from tests.integration.spark.silver import NIGHT, PLACES, write_silver
from tests.openlineage_spec import findings
from weather_pipeline.lineage.spool import files
from weather_pipeline.stack.postgres import EmbeddedPostgres
from weather_pipeline.weather.hours import HOUR
from weather_pipeline.weather.tables import TABLES

pytestmark = pytest.mark.integration

JOB = "weather_history"
SILVER, TABLE = ("file", "lake/silver/weather"), ("iceberg://demo", "demo.weather.history")
COLUMNS = [column.name for column in TABLES["silver"]]


@dataclass(frozen=True)
class Home:
    """A home with a lake and a catalog.

    Attributes:
        spark: Runs jobs there.
        catalog: The catalog's variables.
    """

    spark: Spark
    catalog: Mapping[str, str]

    def run(self, *arguments: str, module: str = HISTORY) -> Ran:
        """Run the job, and deliver what it told."""
        done = self.spark.run(module, *arguments, **self.catalog)
        assert done.returncode == 0, done.stderr
        with Collector() as backend:
            events = deliver_all(self.spark.home / "spark-events", backend)
        return Ran(json.loads(done.stdout.splitlines()[-1]), events)


@dataclass(frozen=True)
class Ran:
    """What a run printed and told."""

    printed: Any
    events: list[dict[str, Any]]

    @property
    def last(self) -> dict[str, Any]:
        """The application's end."""
        return [event for event in self.events if event["job"]["name"] == JOB][-1]

    @property
    def write(self) -> dict[str, Any]:
        """The end of the action that wrote the rows."""
        ended = [event for event in self.events if event["eventType"] == "COMPLETE"]
        (event,) = [each for each in ended if "overwrite" in each["job"]["name"]]
        return event

    def names(self) -> set[tuple[str, ...]]:
        """All jobs and datasets."""
        jobs = {("job", event["job"]["namespace"], event["job"]["name"]) for event in self.events}
        sides = ("inputs", "outputs")
        return jobs | {each for event in self.events for side in sides for each in datasets(event, side)}


def datasets(event: dict[str, Any], side: str) -> set[tuple[str, str]]:
    return {(each["namespace"], each["name"]) for each in event[side]}


def origins(event: dict[str, Any]) -> dict[str, set[tuple[str, str, str]]]:
    """Of each column of the output the columns that it comes from."""
    (written,) = event["outputs"]
    fields = written["facets"]["columnLineage"]["fields"]
    return {
        column: {(each["namespace"], each["name"], each["field"]) for each in made["inputFields"]}
        for column, made in fields.items()
    }


def message(event: dict[str, Any]) -> str:
    """Why an event's run failed."""
    return str(event["run"]["facets"]["errorMessage"]["message"])


def rows(*temperatures: float) -> list[list[Any]]:
    """The rows of the night's hours with these temperatures."""
    times = [f"{NIGHT + index * HOUR:%Y-%m-%d %H:%M:%S}" for index in range(len(temperatures))]
    return [[place, *each] for place in PLACES for each in zip(times, temperatures, strict=True)]


@pytest.fixture(scope="module", autouse=True)
def _soon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_QUIET", 0.0)
        yield


@pytest.fixture(scope="module")
def home(spark_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of which silver has all four hours."""
    home = Home(Spark(tmp_path_factory.mktemp("one home"), spark_jars), {"WEATHER_ICEBERG_CATALOG": "hadoop"})
    write_silver(home.spark.home, {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0})
    return home


@pytest.fixture(scope="module")
def first(home: Home) -> Ran:
    return home.run()


def test_all_of_silver_is_in_the_table(first: Ran) -> None:
    assert first.printed["table"] == TABLE[1]
    assert (first.printed["hours"], first.printed["rows"], first.printed["total"]) == (4, 8, 8)


def test_the_application_joins_silver_and_the_table_column_by_column(first: Ran) -> None:
    assert first.last["eventType"] == "COMPLETE"
    for event in (first.last, first.write):
        assert (datasets(event, "inputs"), datasets(event, "outputs")) == ({SILVER}, {TABLE})
        assert origins(event) == {column: {(*SILVER, column)} for column in COLUMNS}
    known = ("DatasetFacet.dataSource: 'file' is not a 'uri' at ['uri']", "icebergScanReport stands among")
    found = {each for event in first.events for each in findings(event)}
    assert {each for each in found if not each.startswith(known)} == set()


@pytest.fixture(scope="module")
def again(first: Ran, home: Home) -> Ran:
    """The two hours in the middle, with other temperatures, beside another writer."""
    write_silver(home.spark.home, {0: -10.0, 1: -20.0, 2: -30.0})
    hours = "--start", "2026-02-12T23", "--end", "2026-02-13T01"
    return home.run(*hours, module="tests.integration.spark.history_rows")


def test_the_hours_that_are_asked_for_are_replaced_and_no_other(again: Ran) -> None:
    assert again.printed["rows"] == rows(1.0, -20.0, -30.0, 4.0)
    # The days' other rows were written again as they were: of that the application's lineage says nothing.
    assert datasets(again.last, "inputs") == {SILVER}
    assert origins(again.last) == {column: {(*SILVER, column)} for column in COLUMNS}


def test_of_two_writers_at_once_one_is_refused(again: Ran) -> None:
    assert again.printed["refused"].startswith("Another writer changed demo.weather.history meanwhile")
    # All of its Spark jobs went well, so that the listener calls it complete: its commit failed.
    ends = [
        each
        for each in again.events
        if ".overwrite" in each["job"]["name"] and each["eventType"] in ("COMPLETE", "FAIL")
    ]
    assert [each["eventType"] for each in ends] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert "conflict" in message(ends[1])


def test_a_statement_that_fails_is_no_success(again: Ran) -> None:
    ends = {
        each["job"]["name"].rpartition(".")[2]: (each["eventType"], message(each))
        for each in again.events
        if "create_table_as_select" in each["job"]["name"] and each["eventType"] in ("COMPLETE", "FAIL")
    }
    assert {name: kind for name, (kind, _) in ends.items()} == {"weather_nothing": "FAIL", "weather_hot": "FAIL"}
    assert "Invalid schema" in ends["weather_nothing"][1]
    assert "is not true" in ends["weather_hot"][1]
    assert again.last["eventType"] == "COMPLETE"
    assert datasets(again.last, "outputs") == {TABLE}


def test_names_are_equal_in_another_home_with_another_catalog(
    first: Ran, spark_jars: Path, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    catalog = {"WEATHER_ICEBERG_URI": postgres.ensure_database("history"), "WEATHER_PORT_OFFSET": "100"}
    other = Home(Spark(tmp_path_factory.mktemp("other home"), spark_jars), catalog)
    write_silver(other.spark.home, {1: 2.0})
    ran = other.run("--start", "2026-02-12T23", "--end", "2026-02-13T00")
    assert ran.printed["rows"] == 2
    assert ran.names() == first.names()


def test_an_hour_that_silver_lacks_is_named_before_spark_starts(home: Home) -> None:
    done = home.spark.run(HISTORY, "--start", "2026-02-13T01", "--end", "2026-02-13T03", **home.catalog)
    assert done.returncode == 1
    assert "Run clean_weather_data for 2026-02-13T02:00Z first" in done.stderr


def test_half_a_range_is_refused(home: Home) -> None:
    done = home.spark.run(HISTORY, "--start", "2026-02-13T01", **home.catalog)
    assert done.returncode == 2
    assert "--start and --end belong together" in done.stderr
