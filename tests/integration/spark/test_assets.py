"""Spark jobs as Dagster assets: the step launches a driver, and both are told as one story."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from tests.collector import Collector
from tests.integration.spark.conftest import Spark, deliver_all
from tests.integration.store.observations import HOUR, NEXT, observation, table
from weather_pipeline.definitions import defs
from weather_pipeline.defs.news import news_definitions
from weather_pipeline.lineage.spool import files
from weather_pipeline.settings import load_settings
from weather_pipeline.stack.kafka import KafkaBroker
from weather_pipeline.store.lake import write_silver
from weather_pipeline.store.local import LocalStore

pytestmark = pytest.mark.integration

ASSET, STREAM = dg.AssetKey("articles_raw_batch"), dg.AssetKey("articles_raw_stream")
JOB, STREAM_JOB = "batch_write_raw_with_lineage", "stream_write_raw_with_lineage"
TABLE = ("iceberg://demo", "demo.news.articles_raw")


@pytest.fixture
def home(spark_jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "_QUIET", 0.0)
    variables = Spark(tmp_path / "home", spark_jars).environment({"WEATHER_ICEBERG_CATALOG": "hadoop"})
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "home"


def materialize(asset: dg.AssetKey = ASSET) -> dg.ExecuteInProcessResult:
    return (
        news_definitions(load_settings())
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(raise_on_error=False, asset_selection=[asset])
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


def test_the_stream_s_asset_reads_what_the_topic_has_and_ends(
    home: Path, kafka: KafkaBroker, spark_jars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC": "articles.of.the.asset"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    produced = Spark(home, spark_jars).run("weather_pipeline.cli", "stream", "produce", "--json", **variables)
    assert produced.returncode == 0, produced.stderr
    result = materialize(STREAM)
    assert result.success
    (materialization,) = result.asset_materializations_for_node("articles_raw_stream")
    found = {name: value.value for name, value in materialization.metadata.items()}
    assert (found["articles/messages"], found["articles/rows"], found["articles/dead_letters"]) == (122, 120, 2)
    assert found["dagster/row_count"] == found["openlineage/row_count"] == 120
    with Collector() as backend:
        deliver_all(home / "spark-events", backend)
        told = backend.of(STREAM_JOB)
    assert [event["eventType"] for event in told if event["eventType"] != "RUNNING"] == ["START", "COMPLETE"]
    graph = news_definitions(load_settings()).resolve_asset_graph()
    (topic,) = (graph.get(key).metadata for key in graph.get(STREAM).parent_keys)
    read = [(each["namespace"], each["name"]) for each in told[-1]["inputs"]]
    assert read == [(topic["openlineage/namespace"], topic["openlineage/name"])]
    assert TABLE in {(each["namespace"], each["name"]) for each in told[-1]["outputs"]}


def test_the_history_s_asset_takes_a_range_of_hours_in_one_run(home: Path) -> None:
    lake = LocalStore(home / "lake")
    end = HOUR + timedelta(hours=3)
    write_silver(lake, table(observation(), observation("utrecht"), observation("utrecht", NEXT)), start=HOUR, end=end)
    span = {
        "dagster/asset_partition_range_start": "2026-02-12-08:00",
        "dagster/asset_partition_range_end": "2026-02-12-10:00",
    }
    result = defs().resolve_job_def("weather_history_daily").execute_in_process(tags=span, raise_on_error=False)
    assert result.success
    materialized = result.asset_materializations_for_node("weather_history")
    assert {each.partition: each.metadata["dagster/partition_row_count"].value for each in materialized} == {
        "2026-02-12-08:00": 2,
        "2026-02-12-09:00": 1,
        "2026-02-12-10:00": 0,
    }
    assert {(each.metadata["history/hours"].value, each.metadata["history/rows"].value) for each in materialized} == {
        (3, 3)
    }
    with Collector() as backend:
        deliver_all(home / "spark-events", backend)
        (last,) = [event for event in backend.of("weather_history") if event["eventType"] == "COMPLETE"]
    graph = defs().resolve_asset_graph()
    for side, asset in (("inputs", "clean_weather_data"), ("outputs", "weather_history")):
        metadata = graph.get(dg.AssetKey(asset)).metadata
        named = metadata["openlineage/namespace"], metadata["openlineage/name"]
        assert [(each["namespace"], each["name"]) for each in last[side]] == [named]


@pytest.mark.parametrize("asset", [ASSET, STREAM])
def test_asset_and_application_write_the_same_dataset(asset: dg.AssetKey) -> None:
    metadata = news_definitions(load_settings()).resolve_asset_graph().get(asset).metadata
    assert (metadata["openlineage/namespace"], metadata["openlineage/name"]) == TABLE
