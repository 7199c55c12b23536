"""`weather stream`: what becomes of lines, and what is said where no broker is."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner
from confluent_kafka import KafkaError

from weather_pipeline.cli.stream import stream
from weather_pipeline.cli.up import check_kafka, up
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings
from weather_pipeline.stack.ports import HOST, free_port

produce = importlib.import_module("weather_pipeline.cli.stream.produce")  # the package has the command by this name


def test_messages_are_the_lines_that_are_not_empty(tmp_path: Path) -> None:
    file = tmp_path / "articles.ndjson"
    file.write_bytes(b'{"id": "a"}\n\n  no JSON  \n{"id": "b"}')
    assert list(produce._lines(file)) == [b'{"id": "a"}', b"no JSON", b'{"id": "b"}']


@pytest.mark.parametrize(
    ("line", "key"), [(b'{"id": "a"}', b"a"), (b'{"id": ""}', None), (b'{"id": 1}', None), (b"[]", None), (b"{", None)]
)
def test_an_article_s_id_is_its_key(line: bytes, key: bytes | None) -> None:
    assert produce._key(line) == key


def test_no_broker_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(produce, "_PATIENCE", 1.0)
    nobody = f"{HOST}:{free_port()}"
    done = CliRunner().invoke(stream, ["produce", "--servers", nobody])
    assert done.exit_code == 1
    assert nobody in done.output
    assert "`weather stream kafka` starts one" in done.output


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (KafkaError.TOPIC_EXCEPTION, "'bad topic!' can't be a topic's name: letters"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, "There is no topic bad topic!, and the brokers make none"),
        (KafkaError._UNKNOWN_TOPIC, "There is no topic bad topic!, and the brokers make none"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "Broker: Topic authorization failed); 0 were. The brokers refused it."),
        (KafkaError._MSG_TIMED_OUT, "Is a broker there?"),
    ],
)
def test_why_a_message_was_not_taken_says_what_to_check(code: int, said: str) -> None:
    sending = produce.Sending(f"{HOST}:{free_port()}", "bad topic!")
    sending._lost = KafkaError(code)
    with pytest.raises(ClickException) as caught:
        sending._check()
    assert said in caught.value.message
    assert ("Is a broker there?" in caught.value.message) == (code == KafkaError._MSG_TIMED_OUT)


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_broker_that_no_job_would_use_is_not_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detach: list[str]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    with pytest.raises(ConfigurationError, match=r"they use kafka\.example:9092, as KAFKA_BOOTSTRAP_SERVERS or"):
        CliRunner().invoke(up, ["--kafka", "--home", str(tmp_path), *detach], catch_exceptions=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("servers", [None, "localhost:9192", "127.0.0.1:9192"])
def test_the_stack_s_own_broker_may_be_named(servers: str | None) -> None:
    check_kafka(Settings(port_offset=100, kafka_servers=servers))


def test_the_broker_moves_with_the_other_ports_unless_one_is_named() -> None:
    assert Settings(port_offset=100).effective_kafka_servers == "localhost:9192"
    named = Settings.model_validate({"WEATHER_PORT_OFFSET": 100, "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092"})
    assert named.effective_kafka_servers == "kafka.example:9092"
