"""Articles from a real Kafka into an Iceberg table: once each, whatever dies between, and told as one run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyarrow.dataset import dataset

from tests.collector import Collector
from tests.integration.spark.conftest import ROOT, Spark, deliver_all
from tests.openlineage_spec import findings
from weather_pipeline.lineage.spool import files
from weather_pipeline.stack.kafka import KafkaBroker

pytestmark = pytest.mark.integration

MODULE = "weather_pipeline.spark.stream_write_raw_with_lineage"
JOB = "stream_write_raw_with_lineage"
TABLE, LETTERS = "demo.news.articles_raw", "demo.news.articles_raw_dead_letters"


@dataclass
class Streaming:
    """A home with a topic of its own."""

    spark: Spark
    broker: KafkaBroker
    topic: str
    backend: Collector

    @property
    def variables(self) -> dict[str, str]:
        return {
            "WEATHER_ICEBERG_CATALOG": "hadoop",
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.address,
            "KAFKA_TOPIC": self.topic,
            "WEATHER_STREAM_MAX_OFFSETS": "50",
            "WEATHER_STREAM_TRIGGER_SECONDS": "1",
        }

    def produce(self, *lines: str) -> None:
        """Send messages with the product's own command; the sample where there are none."""
        arguments: list[str] = []
        if lines:
            file = self.spark.home / "messages.ndjson"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(lines))
            arguments = [str(file)]
        done = self.spark.run("weather_pipeline.cli", "stream", "produce", *arguments, "--json", **self.variables)
        assert done.returncode == 0, done.stderr

    def run(self, **more: str) -> subprocess.CompletedProcess[str]:
        """Read what is there."""
        return self.spark.run(MODULE, **self.variables, **more)

    def start(self) -> subprocess.Popen[str]:
        """Read on and on, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", MODULE, "--continuous"],
            cwd=ROOT,
            env=self.spark.environment(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for_batches(self, process: subprocess.Popen[str], number: int) -> None:
        """Wait until a process has told of so many micro-batches."""
        spool, deadline = self.spark.home / "spark-events", time.monotonic() + 120
        while sum(file.read_text().count("RUNNING") for file in spool.glob("*.ndjson")) < number:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def told(self) -> list[dict[str, Any]]:
        """Deliver what the spool has; the events of this home."""
        return deliver_all(self.spark.home / "spark-events", self.backend)

    def tables(self) -> dict[str, list[str]]:
        """Ids in the table of articles, and values in that of dead letters: nothing was ever deleted of them."""
        news = self.spark.home / "warehouse" / "news"
        return {
            name: dataset(news / name.rpartition(".")[2] / "data").to_table()[column].to_pylist()
            for name, column in ((TABLE, "id"), (LETTERS, "value"))
            if (news / name.rpartition(".")[2] / "data").is_dir()
        }


@pytest.fixture
def streaming(
    spark_jars: Path,
    kafka: KafkaBroker,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Streaming]:
    monkeypatch.setattr(files, "_QUIET", 0.0)
    with Collector() as backend:
        yield Streaming(Spark(tmp_path / "home", spark_jars), kafka, f"t{abs(hash(request.node.name))}", backend)


def printed(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def sent(first: int, last: int) -> list[str]:
    return [
        json.dumps({"id": f"a{number}", "published_at": "2026-11-20T08:00:00Z", "title": f"Title {number}"})
        for number in range(first, last)
    ]


def test_messages_are_in_the_tables_once_and_told_as_one_run(streaming: Streaming) -> None:
    streaming.produce()
    first = printed(streaming.run())
    assert (first["messages"], first["rows"], first["dead_letters"]) == (122, 120, 2)
    assert first["batches"] >= 2
    events = streaming.told()
    assert [event["eventType"] for event in events] == ["START", *["RUNNING"] * first["batches"], "COMPLETE"]
    assert len({event["run"]["runId"] for event in events}) == 1
    assert [finding for event in events for finding in findings(event)] == []
    last = events[-2]
    assert last["job"]["facets"]["jobType"]["processingType"] == "STREAMING"
    assert [(each["namespace"], each["name"]) for each in last["inputs"]] == [
        ("kafka://localhost:9092", streaming.topic)
    ]
    assert [(each["namespace"], each["name"]) for each in last["outputs"]] == [
        ("iceberg://demo", TABLE),
        ("iceberg://demo", LETTERS),
    ]
    columns = last["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert columns["title"]["inputFields"][0]["field"] == "value"
    ends = last["run"]["facets"]["streaming_batch"]["endOffsets"]
    assert 0 < sum(ends.values()) <= 122
    rows = sum(
        event["outputs"][0].get("outputFacets", {}).get("outputStatistics", {}).get("rowCount", 0)
        for event in events[1:-1]
    )
    assert rows == 120

    again = printed(streaming.run())
    assert (again["messages"], again["rows"]) == (0, 0)
    tables = streaming.tables()
    assert len(tables[TABLE]) == len(set(tables[TABLE])) == 120
    assert sorted(tables[LETTERS])[0] == "this is no JSON"


def test_a_driver_that_is_killed_before_the_checkpoint_doubles_nothing(streaming: Streaming) -> None:
    streaming.produce(*sent(0, 120))
    killed = streaming.spark.run("tests.integration.spark.killed_stream", **streaming.variables)
    assert killed.returncode == -signal.SIGKILL
    assert [event["eventType"] for event in streaming.told()][-1] == "FAIL"
    printed(streaming.run())
    assert sorted(streaming.tables()[TABLE]) == sorted(f"a{number}" for number in range(120))


@pytest.mark.parametrize(("number", "to_group"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_a_signal_lets_the_batch_finish_and_the_next_run_goes_on(
    streaming: Streaming, number: signal.Signals, to_group: bool
) -> None:
    streaming.produce(*sent(0, 60))
    process = streaming.start()
    streaming.wait_for_batches(process, 1)
    (os.killpg if to_group else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["stopped_by"] == number.name
    assert [event["eventType"] for event in streaming.told()][-1] == "COMPLETE"
    streaming.produce(*sent(60, 90))
    printed(streaming.run())
    assert sorted(streaming.tables()[TABLE]) == sorted(f"a{number}" for number in range(90))


def test_a_broker_that_restarts_in_between(streaming: Streaming) -> None:
    streaming.produce(*sent(0, 40))
    process = streaming.start()
    streaming.wait_for_batches(process, 1)
    streaming.broker.stop()
    streaming.broker.start()
    streaming.produce(*sent(40, 80))
    streaming.wait_for_batches(process, 2)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert sorted(streaming.tables()[TABLE]) == sorted(f"a{number}" for number in range(80))
