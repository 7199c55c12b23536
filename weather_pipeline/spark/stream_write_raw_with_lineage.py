"""Articles from a Kafka topic into an Iceberg table: `python -m weather_pipeline.spark.stream_write_raw_with_lineage`.

`KAFKA_TOPIC` says which topic, `ICEBERG_TABLE` which table. Without `--continuous` it ends once it has read all.
SIGTERM and SIGINT let the micro-batch finish. Each message is in the table once, or in the table beside it,
`…_dead_letters`, with its place in the topic and the reason: each append carries the micro-batch's number in the
snapshot, and one that is there already is not made again. Where it goes on is in the checkpoint.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (Spark's own convention)
from pyspark.sql.streaming.query import StreamingQuery

from weather_pipeline.errors import ConfigurationError, StoreUnavailable
from weather_pipeline.settings import Settings, load_settings
from weather_pipeline.spark.article_columns import COLUMNS, DEAD_LETTERS
from weather_pipeline.spark.articles import create_stream_tables, dead_letters, parsed, received
from weather_pipeline.spark.catalog import Table, catalog_of
from weather_pipeline.spark.openlineage_config import OwnLineageSession, session_with_own_lineage
from weather_pipeline.spark.pipes import report
from weather_pipeline.spark.program import program
from weather_pipeline.spark.root_cause import root_cause
from weather_pipeline.spark.stream_lineage import Batch, Output, StreamRun
from weather_pipeline.spark.stream_marks import append_once
from weather_pipeline.spark.tables import row_count
from weather_pipeline.spark.topic import check_topic

APPLICATION = "stream_write_raw_with_lineage"

_STOP_LOOK = 0.25
_NOBODY = "Timed out waiting for a node assignment"
"""What Kafka's client says once no broker has answered for long enough."""
_QUERY_LOG = "org.apache.spark.sql.execution.streaming.runtime.MicroBatchExecution"


@dataclass
class Streamed:
    """What a run of the job did.

    Attributes:
        table: The table.
        batches: Micro-batches that it wrote.
        messages: Messages that it read.
        rows: Rows that it added.
        dead_letters: Messages that it kept aside.
        total: Rows that the table has now.
        stopped_by: The signal that stopped it.
        seconds: How long it took, without the start of Spark.
    """

    table: str
    batches: int = 0
    messages: int = 0
    rows: int = 0
    dead_letters: int = 0
    total: int = 0
    stopped_by: str | None = None
    seconds: float = 0.0


class Stopped(Exception):
    """It was asked to stop before this micro-batch had written anything."""


class ArticleStream:
    """The query: what each micro-batch writes, and tells.

    Args:
        table: The table of articles; that of dead letters stands beside it.
        done: Adds up what was done.
        told: The run that is told.
        stopping: Whether it was asked to stop.
    """

    def __init__(self, table: Table, done: Streamed, told: StreamRun | None, stopping: Stopping) -> None:
        self._table, self._letters = table, table.beside(table.name + DEAD_LETTERS)
        self._done, self._told, self._stopping = done, told, stopping
        self.last: Batch | None = None
        self.has_stopped = False

    def write(self, messages: DataFrame, number: int) -> None:
        """Write a micro-batch, as far as that was not done before the driver died.

        Raises:
            Stopped: The next run makes it.
        """
        if self._stopping.by is not None:
            self.has_stopped = True
            _log_no_error(messages.sparkSession)
            raise Stopped
        spark = messages.sparkSession
        query = spark.sparkContext.getLocalProperty("sql.streaming.queryId")
        if not query:
            raise RuntimeError("Spark does not say which query this is: without it no micro-batch can be known again.")
        articles = parsed(messages).persist()
        try:
            read, start, end = _span(articles)
            added = {
                str(table): found
                for table, rows in ((self._table, received(articles)), (self._letters, dead_letters(articles)))
                if (found := append_once(spark, rows, table, query, number))
            }
        finally:
            articles.unpersist()
        self.last = Batch(number, start, end, read, added)
        self._done.batches += 1
        self._done.messages += read
        self._done.rows += added[str(self._table)].rows if str(self._table) in added else 0
        self._done.dead_letters += added[str(self._letters)].rows if str(self._letters) in added else 0
        if self._told:
            self._told.batch(self.last)
        _say(f"Micro-batch {number}: {read:,} messages, {self._done.rows:,} rows so far.\n")


def main(arguments: Sequence[str] | None = None) -> Streamed:
    """Run the job as the settings say.

    Raises:
        ConfigurationError: A setting can't be used, or Kafka does not answer, or has no such topic.
        StoreUnavailable: Kafka does not answer any more.
        StreamingQueryException: The query failed; what it had written stays.
    """
    parser = argparse.ArgumentParser(prog=APPLICATION, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--continuous", action="store_true", help="go on until SIGTERM or Ctrl-C")
    continuous = parser.parse_args(arguments).continuous
    settings = load_settings()
    table = Table.parsed(settings.iceberg_table)
    catalog = catalog_of(settings, table.catalog)
    check_topic(settings.effective_kafka_servers, settings.kafka_topic)
    session = session_with_own_lineage(APPLICATION, catalog.configuration)
    stopping = Stopping()  # Spark has put a handler of its own there
    catalog.log_in(session.spark)
    try:
        with _alone(settings.effective_stream_checkpoint):
            return _stream(session, settings, table, stopping, continuous=continuous)
    finally:
        session.spark.stop()


@contextmanager
def _alone(checkpoint: str) -> Iterator[None]:
    """Keep other runs of this machine from the same checkpoint: both would write the same micro-batch.

    Raises:
        ConfigurationError: One works with it.
    """
    if not checkpoint.startswith("file://"):
        yield
        return
    directory = Path(checkpoint.removeprefix("file://"))
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                f"Another run of the streaming job works with the checkpoint {checkpoint}. Stop it, or give this one a "
                "topic, table or WEATHER_STREAM_CHECKPOINT of its own."
            ) from None
        yield


class Stopping:
    """SIGTERM and SIGINT ask the query to stop: twice, and the process ends as it would have."""

    def __init__(self) -> None:
        self.by: str | None = None
        self._before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}

    def _asked(self, number: int, _: Any) -> None:
        self.by = signal.Signals(number).name
        _say(f"{self.by}: the micro-batch that is under way ends, then the job. Again ends it at once.\n")
        for each, before in self._before.items():
            signal.signal(each, before)


def _stream(
    session: OwnLineageSession, settings: Settings, table: Table, stopping: Stopping, *, continuous: bool
) -> Streamed:
    begun, done = time.monotonic(), Streamed(str(table))
    create_stream_tables(session.spark, table, table.beside(table.name + DEAD_LETTERS))
    told = _told(session, settings, table, window=settings.stream_trigger_seconds if continuous else None)
    stream = ArticleStream(table, done, told, stopping)
    if told:
        told.begin()
    _say(f"Reading {settings.kafka_topic} of {settings.effective_kafka_servers} into {table}.\n")
    query = _query(session.spark, settings, stream, continuous=continuous)
    try:
        _wait(query, stopping, stream)
    except StreamingQueryException as error:
        if _NOBODY not in (why := root_cause(error)):
            raise
        raise StoreUnavailable(
            f"Kafka at {settings.effective_kafka_servers} does not answer any more ({why}). What was read stays, and "
            "the next run goes on behind it."
        ) from error
    finally:
        done.seconds, done.stopped_by = round(time.monotonic() - begun, 3), stopping.by
        if told:
            told.end(stream.last)
    done.total = row_count(session.spark, table)
    return done


def messages_of(spark: SparkSession, settings: Settings) -> DataFrame:
    """The topic's messages as a stream: where each stands in it, its text, and its time."""
    source = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.effective_kafka_servers)
        .option("subscribe", settings.kafka_topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", settings.stream_max_offsets)
        .load()
    )
    # Bytes that are no UTF-8 would stand in the table as they came, and no reader but Spark could take it.
    value = F.make_valid_utf8(F.col("value").cast("string"))
    return source.select("topic", "partition", "offset", value.alias("value"), "timestamp")


def _query(spark: SparkSession, settings: Settings, stream: ArticleStream, *, continuous: bool) -> StreamingQuery:
    writer = (
        messages_of(spark, settings)
        .writeStream.queryName(APPLICATION)
        .option("checkpointLocation", settings.effective_stream_checkpoint)
        .foreachBatch(stream.write)
    )
    seconds = f"{settings.stream_trigger_seconds} seconds"
    return (writer.trigger(processingTime=seconds) if continuous else writer.trigger(availableNow=True)).start()


def _wait(query: StreamingQuery, stopping: Stopping, stream: ArticleStream) -> None:
    """Wait for the query's end; asked to stop, let the micro-batch that is under way finish, and begin no other.

    Raises:
        StreamingQueryException: It failed.
    """
    while query.isActive and stopping.by is None:
        time.sleep(_STOP_LOOK)
    while query.isActive and query.status["isTriggerActive"]:
        time.sleep(_STOP_LOOK / 5)
    query.stop()
    if not stream.has_stopped and (error := query.exception()) is not None:
        raise error


def _log_no_error(spark: SparkSession) -> None:
    """Keep Spark from logging the stack of a micro-batch that ends early: to it every such end is an error."""
    java: Any = spark._jvm  # noqa: SLF001  (Spark itself sets the level of all loggers alone)
    log4j = java.org.apache.logging.log4j
    log4j.core.config.Configurator.setLevel(_QUERY_LOG, log4j.Level.OFF)


def _say(line: str) -> None:
    """Say how it goes: nobody has to hear it."""
    with suppress(OSError):
        sys.stderr.write(line)


def _told(session: OwnLineageSession, settings: Settings, table: Table, *, window: int | None) -> StreamRun | None:
    if session.events is None:
        return None
    letters = table.beside(table.name + DEAD_LETTERS)
    outputs = [
        Output(
            f"iceberg://{table.catalog}",
            str(table),
            [(name, kind) for name, (kind, _) in COLUMNS.items()],
            dict.fromkeys(COLUMNS, "value"),
        ),
        Output(
            f"iceberg://{table.catalog}",
            str(letters),
            [("topic", "string"), ("partition", "int"), ("offset", "long"), ("value", "string"), ("reason", "string")],
            {"topic": "topic", "partition": "partition", "offset": "offset", "value": "value", "reason": "value"},
        ),
    ]
    topic = f"kafka://{settings.kafka_authority}", settings.kafka_topic
    return StreamRun(
        session.events,
        namespace=settings.spark_namespace,
        job=APPLICATION,
        topic=topic,
        outputs=outputs,
        window=window,
    )


def _span(messages: DataFrame) -> tuple[int, dict[str, int], dict[str, int]]:
    """How many messages there are, and of each partition the first offset and that after the last."""
    found: list[Row] = (
        messages.groupBy("topic", "partition")
        .agg(F.count("*").alias("read"), F.min("offset").alias("first"), F.max("offset").alias("last"))
        .collect()
    )
    start = {str(row["partition"]): int(row["first"]) for row in found}
    end = {str(row["partition"]): int(row["last"]) + 1 for row in found}
    return sum(int(row["read"]) for row in found), start, end


if __name__ == "__main__":
    with program():
        streamed = asdict(main())
        known = {f"articles/{name}": value for name, value in streamed.items() if value is not None}
        report(known | {"dagster/row_count": streamed["total"], "openlineage/row_count": streamed["rows"]})
        sys.stdout.write(json.dumps(streamed) + "\n")
