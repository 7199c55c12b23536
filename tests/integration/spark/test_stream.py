"""Articles from a real Kafka into an Iceberg table: once each, whatever dies between, and told as one run.

One topic and one table live through all of it, in this order: a first run, a driver that is killed, one that is
stopped, a broker that restarts under one that is interrupted, and a run that finds nothing new.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from pyarrow.dataset import dataset

from tests.collector import Collector
from tests.integration.spark.conftest import ROOT, Spark, deliver_all
from tests.integration.spark.runs import STREAM
from tests.openlineage_spec import findings
from weather_pipeline.lineage.spool import files
from weather_pipeline.stack.kafka import KafkaBroker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TOPIC, SAMPLE = "articles.of.the.stream", 122
"""The topic; and how many messages the sample has, two of which are no articles."""
NO_UTF_8 = b"\xff is no UTF-8"
TABLE, LETTERS = "demo.news.articles_raw", "demo.news.articles_raw_dead_letters"


@dataclass
class Streaming:
    """A home with a topic of its own.

    Attributes:
        spark: Runs jobs there.
        broker: The topic's.
        backend: Gets the events.
        sent: How many messages the topic has.
        ends: Up to where each partition was told to be read, of all runs: a micro-batch tells those that it read.
        started: All that read on and on.
    """

    spark: Spark
    broker: KafkaBroker
    backend: Collector
    sent: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "WEATHER_ICEBERG_CATALOG": "hadoop",
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.address,
            "KAFKA_TOPIC": TOPIC,
            "WEATHER_STREAM_MAX_OFFSETS": "50",
            "WEATHER_STREAM_TRIGGER_SECONDS": "1",
        }

    def produce(self, first: int = 0, last: int = 0, *more: bytes) -> None:
        """Send articles of these numbers, and more, with the product's own command; else the sample."""
        arguments: list[str] = []
        if last:
            file = self.spark.home / "messages.ndjson"
            file.write_bytes(b"\n".join([*(message(number).encode() for number in range(first, last)), *more]))
            arguments = [str(file)]
        done = self.spark.run("weather_pipeline.cli", "stream", "produce", *arguments, "--json", **self.variables)
        assert done.returncode == 0, done.stderr
        self.sent += (last - first + len(more)) or SAMPLE

    def run(self, module: str = STREAM) -> Ran:
        """Read what is there."""
        done = self.spark.run(module, **self.variables)
        assert not done.returncode or module != STREAM, done.stderr
        printed = done.stdout.splitlines()[-1:] or ["{}"]
        return Ran(json.loads(printed[0]), done.returncode, self._told())

    def start(self) -> subprocess.Popen[str]:
        """Read on and on, in a process group of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", STREAM, "--continuous"],
            cwd=ROOT,
            env=self.spark.environment(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def wait(self, process: subprocess.Popen[str], messages: int) -> None:
        """Wait until a process has told of having read so many messages, of all runs."""
        deadline = time.monotonic() + 120
        while self._read() < messages:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, self.ends
            time.sleep(0.2)

    def kill(self) -> None:
        """Kill what a test that failed has left."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def _read(self) -> int:
        return self._note(self.spark.events())

    def _note(self, events: list[dict[str, Any]]) -> int:
        for event in events:
            if event["eventType"] == "RUNNING":
                for partition, end in event["run"]["facets"]["streaming_batch"]["endOffsets"].items():
                    self.ends[partition] = max(end, self.ends.get(partition, 0))
        return sum(self.ends.values())

    def ended(self, process: subprocess.Popen[str]) -> Ran:
        """Wait for a process that was told to end."""
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return Ran(json.loads(out.splitlines()[-1]), process.returncode, self._told())

    def _told(self) -> list[dict[str, Any]]:
        events = deliver_all(self.spark.home / "spark-events", self.backend)
        self._note(events)
        return events

    def tables(self) -> dict[str, list[str]]:
        """Ids in the table of articles, and values in that of dead letters: nothing was ever deleted of them."""
        news = self.spark.home / "warehouse" / "news"
        return {
            name: dataset(news / name.rpartition(".")[2] / "data").to_table()[column].to_pylist()
            for name, column in ((TABLE, "id"), (LETTERS, "value"))
            if (news / name.rpartition(".")[2] / "data").is_dir()
        }


@dataclass(frozen=True)
class Ran:
    """What a run printed last, how it ended, and what it told."""

    printed: dict[str, Any]
    code: int
    events: list[dict[str, Any]]

    @property
    def kinds(self) -> list[str]:
        return [event["eventType"] for event in self.events]


@pytest.fixture(scope="module")
def streaming(spark_jars: Path, kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streaming]:
    with pytest.MonkeyPatch.context() as patch, Collector() as backend:
        patch.setattr(files, "_QUIET", 0.0)
        found = Streaming(Spark(tmp_path_factory.mktemp("stream") / "home", spark_jars), kafka, backend)
        try:
            yield found
        finally:
            found.kill()


@pytest.fixture(scope="module")
def first(streaming: Streaming) -> Ran:
    streaming.produce()
    return streaming.run()


@pytest.fixture(scope="module")
def killed(first: Ran, streaming: Streaming) -> Ran:
    streaming.produce(0, 120)
    return streaming.run("tests.integration.spark.killed_stream")


@pytest.fixture(scope="module")
def stopped(killed: Ran, streaming: Streaming) -> Ran:
    """Stopped by SIGTERM, once it has gone on where the other one was killed."""
    process = streaming.start()
    streaming.wait(process, SAMPLE + 100)
    process.terminate()
    return streaming.ended(process)


@pytest.fixture(scope="module")
def interrupted(stopped: Ran, streaming: Streaming) -> Ran:
    """Stopped by the SIGINT that a terminal sends to all, after its broker was away."""
    streaming.produce(120, 150)
    process = streaming.start()
    streaming.wait(process, streaming.sent)
    streaming.broker.stop()
    streaming.broker.start()
    streaming.produce(150, 190, NO_UTF_8)
    streaming.wait(process, streaming.sent)
    os.killpg(process.pid, signal.SIGINT)
    return streaming.ended(process)


@pytest.fixture(scope="module")
def last(interrupted: Ran, streaming: Streaming) -> Ran:
    return streaming.run()


def message(number: int) -> str:
    return json.dumps({"id": f"a{number}", "published_at": "2026-11-20T08:00:00Z", "title": f"Title {number}"})


def test_a_topic_that_is_not_there_is_told_and_not_made(streaming: Streaming) -> None:
    done = streaming.spark.run(STREAM, **{**streaming.variables, "KAFKA_TOPIC": "no.such"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: Kafka at {streaming.broker.address}: there is no topic no.such.")
    topics = AdminClient({"bootstrap.servers": streaming.broker.address}).list_topics(timeout=60).topics
    assert "no.such" not in topics


def test_messages_are_in_the_tables(first: Ran) -> None:
    printed = first.printed
    assert (printed["messages"], printed["rows"], printed["dead_letters"]) == (SAMPLE, SAMPLE - 2, 2)
    assert printed["batches"] >= 2


def test_they_are_told_as_one_run(first: Ran) -> None:
    assert first.kinds == ["START", *["RUNNING"] * first.printed["batches"], "COMPLETE"]
    assert len({event["run"]["runId"] for event in first.events}) == 1
    assert [finding for event in first.events for finding in findings(event)] == []
    batch = first.events[-2]
    assert batch["job"]["facets"]["jobType"]["processingType"] == "STREAMING"
    assert [(each["namespace"], each["name"]) for each in batch["inputs"]] == [("kafka://localhost:9092", TOPIC)]
    assert [(each["namespace"], each["name"]) for each in batch["outputs"]] == [
        ("iceberg://demo", TABLE),
        ("iceberg://demo", LETTERS),
    ]
    columns = batch["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert columns["title"]["inputFields"][0]["field"] == "value"
    ends: dict[str, int] = {}
    for event in first.events[1:-1]:
        ends |= event["run"]["facets"]["streaming_batch"]["endOffsets"]
    assert sum(ends.values()) == SAMPLE
    statistics = [
        event["outputs"][0].get("outputFacets", {}).get("outputStatistics", {}) for event in first.events[1:-1]
    ]
    assert sum(each.get("rowCount", 0) for each in statistics) == SAMPLE - 2


def test_a_driver_that_is_killed_is_no_success(killed: Ran) -> None:
    assert killed.code == -signal.SIGKILL
    assert killed.kinds[-1] == "FAIL"


@pytest.mark.parametrize(("which", "number"), [("stopped", signal.SIGTERM), ("interrupted", signal.SIGINT)])
def test_a_signal_lets_the_batch_finish(which: str, number: signal.Signals, request: pytest.FixtureRequest) -> None:
    ran: Ran = request.getfixturevalue(which)
    assert (ran.code, ran.printed["stopped_by"], ran.kinds[-1]) == (0, number.name, "COMPLETE")


def test_a_run_with_nothing_to_read_writes_nothing(last: Ran) -> None:
    assert (last.code, last.printed["messages"], last.printed["rows"]) == (0, 0, 0)
    assert last.kinds == ["START", "COMPLETE"]


def test_after_all_that_each_message_is_in_the_tables_once(last: Ran, streaming: Streaming) -> None:
    tables = streaming.tables()
    assert len(tables[TABLE]) == len(set(tables[TABLE])) == streaming.sent - 3
    assert {f"a{number}" for number in range(190)} < set(tables[TABLE])
    assert len(tables[LETTERS]) == 3
    assert {"this is no JSON", "\ufffd is no UTF-8"} < set(tables[LETTERS])
