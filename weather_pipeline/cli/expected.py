"""The lineage that the weather pipeline must leave behind, as the design's table has it."""

from __future__ import annotations

from dataclasses import dataclass

from weather_pipeline.settings import Settings
from weather_pipeline.sources.catalog import source_dataset
from weather_pipeline.spark.article_files import files_place
from weather_pipeline.weather.datasets import dataset


@dataclass(frozen=True)
class ExpectedJob:
    """One job with its datasets; each dataset is (namespace, name)."""

    asset: str
    namespace: str
    name: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]

    @property
    def node(self) -> str:
        """The job's node id in the lineage API."""
        return f"job:{self.namespace}:{self.name}"

    @property
    def datasets(self) -> frozenset[str]:
        """The node ids of all its datasets."""
        return frozenset(dataset_node(*dataset) for dataset in (*self.inputs, *self.outputs))

    @property
    def edges(self) -> frozenset[tuple[str, str]]:
        """The edges (from, to) into and out of the job."""
        into = {(dataset_node(*dataset), self.node) for dataset in self.inputs}
        return frozenset(into | {(self.node, dataset_node(*dataset)) for dataset in self.outputs})


def dataset_node(namespace: str, name: str) -> str:
    """A dataset's node id in the lineage API."""
    return f"dataset:{namespace}:{name}"


def expected_jobs(settings: Settings) -> tuple[ExpectedJob, ...]:
    """The jobs of one pipeline run, in the order of the data."""

    def named(table: str) -> tuple[str, str]:
        return dataset(table, lake_url=settings.effective_lake_url, warehouse_authority=settings.warehouse_authority)

    bronze, silver, observations, quarantine = map(named, ("bronze", "silver", "observations", "quarantine"))
    rows = (
        ("raw_weather_data", (source_dataset(settings).identity,), (bronze,)),
        ("weather_quality_check", (bronze,), (named("quality_metrics"), quarantine)),
        ("clean_weather_data", (bronze, quarantine), (silver,)),
        ("weather_to_postgres", (silver, named("locations")), (observations,)),
        ("weather_near_towers", (observations, named("towers")), (named("weather_near_towers"),)),
    )
    return tuple(
        ExpectedJob(asset, settings.lineage_namespace, asset + settings.job_suffix, inputs, outputs)
        for asset, inputs, outputs in rows
    )


def expected_spark_jobs(settings: Settings) -> tuple[ExpectedJob, ...]:
    """The Spark applications of `weather demo --spark`, each with the asset that launches it."""
    catalog = settings.iceberg_table.partition(".")[0]
    _, files = files_place(settings)
    silver = dataset("silver", lake_url=settings.effective_lake_url, warehouse_authority=settings.warehouse_authority)
    topic = (f"kafka://{settings.kafka_authority}", settings.kafka_topic)
    articles = settings.iceberg_table
    rows = (
        ("articles_raw_batch", "batch_write_raw_with_lineage", files, (articles, f"{articles}_rejected")),
        ("articles_raw_stream", "stream_write_raw_with_lineage", topic, (articles, f"{articles}_dead_letters")),
        ("weather_history", "weather_history", silver, (f"{catalog}.weather.history",)),
    )
    return tuple(
        ExpectedJob(
            asset, settings.spark_namespace, name, (read,), tuple((f"iceberg://{catalog}", table) for table in written)
        )
        for asset, name, read, written in rows
    )
