"""The streaming job beside what Spark does by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Figures
from benchmarks.report import SPARK_PACKAGES, Section, ratio_table
from benchmarks.spark.child import bring_jars, run_job
from benchmarks.spark.data import write_json
from weather_pipeline.cli.stream.produce import send_file
from weather_pipeline.settings import load_settings
from weather_pipeline.stack.jars import fetch_jars, locked_jars
from weather_pipeline.stack.java import find_java
from weather_pipeline.stack.kafka import KafkaBroker

MESSAGES, BATCH = 1_000_000, 100_000
_QUICK_MESSAGES = 2_000
_PLAIN, _SILENT, _OURS = "Spark's own stream into a table", "the job without lineage", "the job"
_JOB = "weather_pipeline.spark.stream_write_raw_with_lineage"
_CONTESTANTS = {
    _PLAIN: ("benchmarks.spark.plain_stream", {"WEATHER_SPARK_LINEAGE_OFF": "*"}),
    _SILENT: (_JOB, {"WEATHER_SPARK_LINEAGE_OFF": "*"}),
    _OURS: (_JOB, {}),
}
_METHOD = """\
{messages:,} articles wait in a topic of two partitions at a real broker on the same machine; each contestant reads all
of them into an empty Iceberg table, partitioned by day, in micro-batches of {batch:,}, and ends. Spark's own stream is
`toTable` of the same parsed articles: messages that are no articles are lost, and nothing is told. The job writes each
micro-batch once by its number in the snapshot, keeps other messages aside, and tells offsets, rows and bytes of each.
Seconds are those of the work, without Spark's start; CPU is that of the whole process."""


def run(rounds: int, say: Callable[[str], None], quick: bool) -> Section:
    """Measure turns."""
    messages, batch = (_QUICK_MESSAGES, _QUICK_MESSAGES // 4) if quick else (MESSAGES, BATCH)
    figures = {name: Figures() for name in _CONTESTANTS}
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as made:
        directory = Path(made)
        jars, topic = bring_jars(), "articles.bench"
        write_json(directory / "articles.ndjson", messages)
        with _broker(directory) as broker:
            send_file(directory / "articles.ndjson", broker.address, topic)
            for number in range(rounds):
                for name, (module, more) in _CONTESTANTS.items():
                    variables = {
                        "WEATHER_SPARK_JARS": str(jars),
                        "KAFKA_BOOTSTRAP_SERVERS": broker.address,
                        "KAFKA_TOPIC": topic,
                        "WEATHER_STREAM_MAX_OFFSETS": str(batch),
                        **more,
                    }
                    with tempfile.TemporaryDirectory(prefix="home-", dir=directory) as home:
                        done = run_job(module, Path(home), variables)
                    if done.printed["rows"] != messages:
                        raise RuntimeError(f"{name}: {done.printed}, of {messages} messages")
                    figures[name].seconds.append(done.printed["seconds"])
                    figures[name].cpu_seconds.append(done.cpu_seconds)
                    say(f"round {number + 1}, {name}: {done.printed['seconds']:.1f} s")
    return Section(
        "stream",
        "Spark: the streaming job",
        _METHOD.format(messages=messages, batch=batch),
        [ratio_table("From Kafka into Iceberg", messages, figures, _PLAIN)],
        SPARK_PACKAGES,
    )


def _broker(directory: Path) -> KafkaBroker:
    jars = fetch_jars(locked_jars("kafka"), load_settings().effective_spark_jars.absolute().parent / "kafka")
    return KafkaBroker(
        directory / "kafka",
        java=find_java(),
        jars=jars,
        log_file=directory / "kafka.log",
        options={"num.partitions": "2"},
    )
