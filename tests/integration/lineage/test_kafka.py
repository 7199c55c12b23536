"""The sensor delivers to a real Kafka, through the OpenLineage client's own transport and configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from tests.integration.lineage.conftest import Exporting, error_of
from tests.integration.lineage.test_shapes_of_work import chain
from tests.kafka import read_topic
from weather_pipeline.lineage.progress import Progress
from weather_pipeline.stack.kafka import KafkaBroker

ASSETS = {"raw_dagster", "clean_dagster", "table_dagster"}
"""The jobs of the assets that `chain` materializes."""

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("instance", ["sqlite"], indirect=True)]


@pytest.fixture
def topic(kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new topic, to which OpenLineage's environment variables send events."""
    topic = f"lineage.{uuid4()}"
    config = {"bootstrap.servers": kafka.address, "message.timeout.ms": "5000", "log_level": "0"}
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "kafka")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TOPIC", topic)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__CONFIG", json.dumps(config))
    return topic


@pytest.fixture
def stopped(kafka: KafkaBroker) -> Iterator[KafkaBroker]:
    """The broker, stopped; it runs again after the test."""
    kafka.stop()
    yield kafka
    if kafka.process is None:
        kafka.start()


def by_run(partitions: dict[int, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """The types of each asset run's events in the order of its partition."""
    found: dict[str, list[str]] = {}
    for events in partitions.values():
        for event in events:
            if event["job"]["name"] in ASSETS:
                found.setdefault(event["run"]["runId"], []).append(event["eventType"])
    return found


def progress_of(exporting: Exporting) -> Progress:
    progress = Progress.load(exporting.cursor)
    assert progress is not None
    return progress


def test_events_arrive_in_the_topic_in_order_for_each_run(
    instance: dg.DagsterInstance, kafka: KafkaBroker, topic: str
) -> None:
    exporting = Exporting(instance, chain(), url="http://127.0.0.1:9")  # what is configured wins over it
    for _ in range(5):
        exporting.run()
    result = exporting.tick()
    assert error_of(result) is None
    partitions = read_topic(kafka.address, topic)
    runs = by_run(partitions)
    assert set(map(tuple, runs.values())) == {("START", "COMPLETE")}
    assert len(runs) == 5 * len(ASSETS)
    # One run's events share a partition: only within one does Kafka keep an order.
    assert sum(len(by_run({number: events})) for number, events in partitions.items()) == len(runs)
    exporting.tick()
    assert by_run(read_topic(kafka.address, topic)) == runs


def test_nothing_is_taken_as_accepted_while_the_broker_is_down(
    instance: dg.DagsterInstance, stopped: KafkaBroker, topic: str
) -> None:
    exporting = Exporting(instance, chain(), url="http://127.0.0.1:9")
    exporting.run()
    exporting.tick()
    assert progress_of(exporting).accepted == 0
    stopped.start()
    while progress_of(exporting).open:
        exporting.tick()
    runs = by_run(read_topic(stopped.address, topic))
    assert len(runs) == len(ASSETS)
    # What was under way when the broker came back may arrive twice, never out of order.
    assert {tuple(dict.fromkeys(kinds)) for kinds in runs.values()} == {("START", "COMPLETE")}
