"""What Spark jobs write, as Dagster knows it: there where PySpark is installed, and no part of what runs hourly."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from weather_pipeline.cli.expected import expected_jobs
from weather_pipeline.definitions import defs
from weather_pipeline.defs.news import definitions as news
from weather_pipeline.defs.weather import history, weather_definitions
from weather_pipeline.defs.weather.partitions import HOURLY
from weather_pipeline.settings import Settings
from weather_pipeline.weather.tables import TABLES

HISTORY, SILVER = dg.AssetKey("weather_history"), dg.AssetKey("clean_weather_data")
STREAM, BATCH = dg.AssetKey("articles_raw_stream"), dg.AssetKey("articles_raw_batch")


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return defs().get_repository_def()


def test_the_history_is_made_of_silver_hour_by_hour_in_one_run(repository: dg.RepositoryDefinition) -> None:
    asset = repository.asset_graph.get(HISTORY)
    assert asset.parent_keys == {SILVER}
    assert asset.partitions_def == HOURLY
    assert asset.backfill_policy == dg.BackfillPolicy.single_run()
    assert asset.owners == ["team:weather"]


def test_the_history_s_columns_are_silver_s_and_come_from_them(repository: dg.RepositoryDefinition) -> None:
    metadata = repository.asset_graph.get(HISTORY).metadata
    dataset = metadata["openlineage/namespace"], metadata["openlineage/name"]
    assert dataset == ("iceberg://demo", "demo.weather.history")
    columns = [column.name for column in TABLES["silver"]]
    assert [column.name for column in metadata["dagster/column_schema"].columns] == columns
    origins = metadata["dagster/column_lineage"].deps_by_column
    assert origins == {name: [dg.TableColumnDep(SILVER, name)] for name in columns}


def test_what_runs_hourly_and_what_the_demo_expects_has_no_spark(repository: dg.RepositoryDefinition) -> None:
    hourly = repository.get_job("weather_hourly").asset_layer.selected_asset_keys
    assert {key.to_user_string() for key in hourly} == {job.asset for job in expected_jobs(Settings())}
    assert HISTORY not in hourly


def test_the_daily_run_takes_the_day_before(repository: dg.RepositoryDefinition) -> None:
    assert repository.get_job("weather_history_daily").asset_layer.selected_asset_keys == {HISTORY}
    schedule = repository.get_schedule_def("weather_history_daily_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    at = datetime(2026, 2, 14, 1, 30, tzinfo=UTC)
    requests = list(schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=at)).run_requests or ())
    assert len(requests) == 1
    request = requests[0]
    assert request.tags["dagster/asset_partition_range_start"] == "2026-02-13-00:00"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-02-13-23:00"


def test_both_jobs_of_articles_write_one_dataset_and_share_a_pool(repository: dg.RepositoryDefinition) -> None:
    batch, stream = (repository.asset_graph.get(key) for key in (BATCH, STREAM))
    for name in ("openlineage/namespace", "openlineage/name"):
        assert batch.metadata[name] == stream.metadata[name]
    assert batch.pools == stream.pools == {"articles_raw"}
    (topic,) = (repository.asset_graph.get(key) for key in stream.parent_keys)
    assert topic.metadata["openlineage/namespace"] == "kafka://localhost:9092"
    assert topic.metadata["openlineage/name"] == "articles.raw.v1"


def test_the_topic_has_one_reader_at_a_time(repository: dg.RepositoryDefinition) -> None:
    schedule = repository.get_schedule_def("articles_raw_stream_schedule")
    assert (schedule.cron_schedule, schedule.default_status) == ("*/10 * * * *", dg.DefaultScheduleStatus.STOPPED)
    with dg.DagsterInstance.local_temp() as instance:

        def tick() -> int:
            return len(schedule.evaluate_tick(dg.build_schedule_context(instance=instance)).run_requests or ())

        assert tick() == 1
        run = dg.DagsterRun(job_name="articles_raw_stream_job", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
        assert tick() == 0


def test_without_pyspark_there_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (history, news):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    found = dg.Definitions.merge(
        weather_definitions(Settings()),
        history.history_definitions(Settings()),
        news.news_definitions(Settings()),
    ).get_repository_def()
    assert {job.name for job in found.get_all_jobs() if not job.name.startswith("__")} == {"weather_hourly"}
    assert not found.asset_graph.has(HISTORY)
