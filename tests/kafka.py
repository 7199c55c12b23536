"""A real Kafka for tests: the product's own broker, and what is read of a topic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from tests.tools import missing
from weather_pipeline.errors import StackError
from weather_pipeline.stack.jars import fetch_jars, locked_jars
from weather_pipeline.stack.java import find_java
from weather_pipeline.stack.kafka import KafkaBroker

PATIENCE = 60.0
"""Seconds for one answer of the broker: it shares the machine with the tests."""


def kafka_broker(directory: Path, jars: Path, *, options: Mapping[str, str] | None = None) -> KafkaBroker:
    """A broker that is not started yet; skips the test where its jars or a Java can't be had.

    Args:
        directory: Where its data go.
        jars: Where its jars are kept, for this session and later ones.
        options: Its settings, beyond the product's own.
    """
    try:
        files, java = fetch_jars(locked_jars("kafka"), jars), find_java()
    except StackError as error:
        missing(str(error))
    return KafkaBroker(
        directory / "broker",
        java=java,
        jars=files,
        log_file=directory / "kafka.log",
        options={"num.partitions": "3", **(options or {})},
    )


def read_topic(address: str, topic: str) -> dict[int, list[Any]]:
    """All values of a topic, as JSON, by partition and in its order."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "tests", "enable.auto.commit": False})
    try:
        known = consumer.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
        return {number: _read(consumer, TopicPartition(topic, number, 0)) for number in known}
    finally:
        consumer.close()


def _read(consumer: Consumer, partition: TopicPartition) -> list[Any]:
    _, end = consumer.get_watermark_offsets(partition, timeout=PATIENCE)
    consumer.assign([partition])
    return [json.loads(_next(consumer).value() or b"") for _ in range(end)]


def _next(consumer: Consumer) -> Message:
    message = consumer.poll(PATIENCE)
    assert message is not None, f"no message within {PATIENCE} s"
    assert message.error() is None
    return message
