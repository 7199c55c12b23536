"""A job whose one line was changed writes and reads an Iceberg table, and its lineage is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from tests.collector import Collector
from tests.integration.spark.conftest import ROOT as PROJECT
from tests.integration.spark.conftest import Spark, deliver_all
from tests.openlineage_spec import findings

pytestmark = pytest.mark.integration

PARENT, ROOT = "0190e7a0-0000-7000-8000-0000000000aa", "0190e7a0-0000-7000-8000-0000000000bb"

ARTICLES = """\
id,published_at,title
a1,2026-11-20T08:00:00Z,Rain
a2,2026-11-20T09:30:00Z,Wind
,2026-11-20T09:30:00Z,Nobody's
"""


@dataclass(frozen=True)
class Job:
    """What a job left: what it printed, its events, its tables."""

    printed: dict[str, Any]
    events: list[dict[str, Any]]
    csv: Path
    warehouse: Path

    def of_type(self, *kinds: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["eventType"] in kinds]

    def append(self) -> dict[str, Any]:
        """The COMPLETE of the action that wrote the rows."""
        (event,) = [each for each in self.of_type("COMPLETE") if each["outputs"] and each["inputs"]]
        return event


@pytest.fixture(scope="module")
def job(spark: Spark, tmp_path_factory: pytest.TempPathFactory) -> Job:
    directory = tmp_path_factory.mktemp("articles")
    csv, warehouse = directory / "articles.csv", directory / "lake"
    csv.write_text(ARTICLES)
    done = spark.run(
        "tests.integration.spark.articles_job",
        str(csv),
        str(warehouse),
        WEATHER_SPARK_TRANSPORT="file",
        OPENLINEAGE_PARENT_ID=f"weather-pipeline/articles_dagster/{PARENT}",
        OPENLINEAGE_ROOT_PARENT_ID=f"weather-pipeline/nightly/{ROOT}",
    )
    assert done.returncode == 0, done.stderr
    return Job(json.loads(done.stdout.splitlines()[-1]), spark.events(), csv, warehouse)


def test_the_table_has_the_rows(job: Job) -> None:
    assert job.printed["rows"] == [["a1", "2026-11-20 08:00:00", "RAIN"], ["a2", "2026-11-20 09:30:00", "WIND"]]
    assert list((job.warehouse / "news" / "articles" / "data").rglob("*.parquet"))


def test_the_wheel_s_java_ran_it(job: Job, spark: Spark) -> None:
    assert job.printed["java"].startswith("21.")
    assert (spark.home / "java" / "bin" / "java").is_file()


def test_every_event_is_what_openlineage_s_schemas_say(job: Job) -> None:
    # Of a local file the listener says "file" as the address of its source; its scan report names a file of schemas.
    known = {
        "DatasetFacet.dataSource: 'file' is not a 'uri' at ['uri']",
        (
            "icebergScanReport stands among InputDatasetFacet facets, "
            "its schema says /IcebergScanReportInputDatasetFacet.json/"
        ),
    }
    assert {each for event in job.events for each in findings(event)} <= known


def test_the_application_is_one_job_of_the_namespace(job: Job) -> None:
    assert {event["job"]["namespace"] for event in job.events} == {"neuronews"}
    told = [event for event in job.events if event["job"]["name"] == "articles_to_iceberg"]
    assert [event["eventType"] for event in told if event["eventType"] != "RUNNING"] == ["START", "COMPLETE"]
    assert len({event["run"]["runId"] for event in told}) == 1


def test_the_application_belongs_to_the_run_that_started_it(job: Job) -> None:
    first = job.of_type("START")[0]
    parent = first["run"]["facets"]["parent"]
    assert parent["job"] == {"namespace": "weather-pipeline", "name": "articles_dagster"}
    assert parent["run"] == {"runId": PARENT}
    assert parent["root"] == {
        "job": {"namespace": "weather-pipeline", "name": "nightly"},
        "run": {"runId": ROOT},
    }
    inner = job.append()["run"]["facets"]["parent"]
    assert inner["run"]["runId"] == first["run"]["runId"]
    assert inner["root"]["run"]["runId"] == ROOT


def test_the_write_joins_the_file_and_the_table_by_their_columns(job: Job) -> None:
    event = job.append()
    (read,), (written,) = event["inputs"], event["outputs"]
    assert (read["namespace"], read["name"]) == ("file", str(job.csv))
    assert (written["namespace"], written["name"]) == ("file", str(job.warehouse / "news" / "articles"))
    facets = written["facets"]
    assert [each["name"] for each in facets["schema"]["fields"]] == ["id", "published_at", "title"]
    columns = facets["columnLineage"]["fields"]
    assert {name: [each["field"] for each in field["inputFields"]] for name, field in columns.items()} == {
        "id": ["id"],
        "published_at": ["published_at"],
        "title": ["title"],
    }
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == 2


def test_what_the_job_is_for_is_told(job: Job) -> None:
    properties = job.append()["run"]["facets"]["spark_properties"]["properties"]
    assert properties["spark.weather.jobType"] == "batch"
    assert properties["spark.weather.sourceSystem"] == "csv"
    assert properties["spark.weather.targetSystem"] == "iceberg"
    assert properties["spark.app.name"] == "ArticlesToIceberg"


def test_the_debug_facet_is_off(job: Job) -> None:
    assert not any("debug" in event["run"]["facets"] for event in job.events)


def test_a_session_that_runs_is_kept(job: Job) -> None:
    assert job.printed["same"] is True


def test_a_session_without_lineage_that_runs_already_is_refused(job: Job, spark: Spark) -> None:
    assert job.printed  # the wheel's Java has its wrapper, which a session of Spark's own needs too
    wrapper = str(spark.home / "java")
    done = spark.run("tests.integration.spark.late_job", JAVA_HOME=wrapper, WEATHER_SPARK_TRANSPORT="console")
    assert done.returncode != 0
    assert "A Spark session without lineage runs in this process already" in done.stderr


@pytest.fixture
def backend() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def test_the_listener_sends_the_token(spark: Spark, backend: Collector) -> None:
    done = spark.run(
        "tests.integration.spark.greeting_job",
        "Greeting",
        MARQUEZ_URL=backend.url,
        WEATHER_LINEAGE_TOKEN="hidden",
        WEATHER_SPARK_TRANSPORT="http",
    )
    assert done.returncode == 0, done.stderr
    assert backend.kinds("greeting")[0] == "START"
    assert backend.kinds("greeting")[-1] == "COMPLETE"
    assert {headers["Authorization"] for headers in backend.headers} == {"Bearer hidden"}
    assert "hidden" not in done.stdout + done.stderr


def test_a_job_without_lineage_says_nothing(spark: Spark, backend: Collector) -> None:
    told = len(spark.events())
    done = spark.run(
        "tests.integration.spark.greeting_job", "Probe1", MARQUEZ_URL=backend.url, WEATHER_SPARK_LINEAGE_OFF="Probe*"
    )
    assert done.returncode == 0, done.stderr
    assert backend.events == []
    assert len(spark.events()) == told


def test_jars_that_are_there_need_no_network(spark: Spark, tmp_path: Path) -> None:
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = spark.run("weather_pipeline.cli", "spark", "jars", "--json", M2_REPO=str(tmp_path), **nowhere)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["fetched"] == 0
    assert report["class_path"].split(":") == [jar["file"] for jar in report["jars"]]


def test_a_job_without_its_jars_says_what_to_do(spark: Spark, tmp_path: Path) -> None:
    done = spark.run("tests.integration.spark.greeting_job", "Greeting", WEATHER_SPARK_JARS=str(tmp_path))
    assert done.returncode != 0
    assert "weather spark jars" in done.stderr.splitlines()[-1]


def test_ctrl_c_is_an_abort(spark: Spark, tmp_path: Path) -> None:
    here = replace(spark, home=tmp_path / "home")
    command = [sys.executable, "-m", "tests.integration.spark.endless_job", str(tmp_path / "top")]
    with subprocess.Popen(
        command, cwd=PROJECT, env=here.environment({}), stdout=PIPE, stderr=PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            deadline = time.monotonic() + 60
            while not any(event["outputs"] for event in here.events()):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, err
    assert "Interrupted." in err.splitlines()
    assert "Traceback" not in err
    with Collector() as backend:
        told = deliver_all(here.home / "spark-events", backend)
    ends = {event["job"]["name"]: event["eventType"] for event in told}
    assert ends.pop("endless") == "ABORT"
    assert set(ends.values()) == {"FAIL"}, "the listener calls complete what is cut off before its first Spark job"
