"""The embedded Kafka broker: keeps what it took over a restart, and says why it can't start."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from tests.kafka import PATIENCE, kafka_broker, read_topic
from weather_pipeline.cli.stream import stream
from weather_pipeline.cli.stream.produce import Sending
from weather_pipeline.errors import StackError
from weather_pipeline.stack.kafka import KafkaBroker
from weather_pipeline.stack.ports import is_listening

pytestmark = pytest.mark.integration


def write(address: str, topic: str, *values: object) -> None:
    producer = Producer({"bootstrap.servers": address, "log_level": "0"})
    for value in values:
        producer.produce(topic, json.dumps(value).encode(), key=b"one")
    assert producer.flush(PATIENCE) == 0


def values(address: str, topic: str) -> list[object]:
    return [value for partition in read_topic(address, topic).values() for value in partition]


def test_what_it_took_is_there_after_a_restart(kafka: KafkaBroker) -> None:
    write(kafka.address, "kept", 1, 2, 3)
    process = kafka.process
    assert process is not None
    kafka.stop()
    assert process.poll() is not None
    assert not is_listening(kafka.port)
    kafka.start()
    write(kafka.address, "kept", 4)
    assert values(kafka.address, "kept") == [1, 2, 3, 4]


def test_a_topic_that_can_t_be_is_not_a_broker_that_is_away(kafka: KafkaBroker) -> None:
    done = CliRunner().invoke(stream, ["produce", "--topic", "bad topic!", "--servers", kafka.address])
    assert done.exit_code == 1
    assert "'bad topic!' can't be a topic's name" in done.output
    assert "Is a broker there?" not in done.output


def test_a_topic_that_is_known_to_be_none_is_told_as_well(kafka: KafkaBroker) -> None:
    sending = Sending(kafka.address, "bad topic!")
    sending.send(b"{}")
    time.sleep(0.3)  # by then the client has asked, and takes no more
    with pytest.raises(click.ClickException, match="'bad topic!' can't be a topic's name"):
        sending.send(b"{}")


def test_a_broker_that_can_t_start_shows_its_log(
    kafka: KafkaBroker, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    broker = kafka_broker(tmp_path, pytestconfig.cache.mkdir("jars"))  # type: ignore[union-attr]  (it is there)
    broker.controller_port = kafka.controller_port  # taken
    with pytest.raises(StackError) as caught:
        broker.start()
    assert f"Kafka ended with code 1 while starting on port {broker.port}" in str(caught.value)
    assert "Address already in use" in str(caught.value)
    assert str(broker.log_file) in str(caught.value)
    broker.destroy()
    assert not broker.directory.exists()


def test_settings_that_kafka_refuses_are_said(tmp_path: Path, kafka: KafkaBroker, pytestconfig: pytest.Config) -> None:
    broker = kafka_broker(tmp_path, pytestconfig.cache.mkdir("jars"), options={"num.partitions": "many"})  # type: ignore[union-attr]
    with pytest.raises(StackError, match=r"could not be formatted: [\s\S]*num\.partitions"):
        broker.start()
