"""`weather stream produce`: articles into a Kafka topic."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.common import home_option, read_settings
from weather_pipeline.cli.lineage.common import Ticker

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

    from weather_pipeline.settings import Settings

SAMPLE = Path(__file__).parents[2] / "spark" / "data" / "articles.ndjson"
_PATIENCE = 30.0
"""Seconds in which a broker must take what it was sent."""
_MOMENT = 1.0
"""Seconds for what is known already to arrive."""
_AWAY = "Is a broker there? `weather stream kafka` starts one; KAFKA_BOOTSTRAP_SERVERS or --servers names another."


@click.command(
    epilog="""
    \b
    Examples:
      weather stream produce
      weather stream produce articles.ndjson --rate 50
      weather stream produce articles.ndjson --topic articles.raw.v1 --servers localhost:9092

    \b
    Exit codes: 0 the brokers have all of it; 1 they have not, or are away; 2 wrong usage; 130 interrupted: what was
    sent stays.
    """
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--topic", metavar="NAME", help="The topic.  [default: KAFKA_TOPIC, else articles.raw.v1]")
@click.option(
    "--servers",
    metavar="HOST:PORT,…",
    help="Brokers.  [default: KAFKA_BOOTSTRAP_SERVERS, else the running stack's, else localhost:9092]",
)
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Messages a second.  [default: at once]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@home_option
def produce(
    *,
    file: Path | None,
    topic: str | None,
    servers: str | None,
    rate: float | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Send FILE, one JSON message a line; without it the articles that ship with the product.

    Lines go as they are, also those that are no JSON. An article's id is its message's key.
    """
    settings = read_settings(home)
    source, name = file or SAMPLE, topic or settings.kafka_topic
    brokers = servers or _servers(settings)
    ticker = Ticker()
    taken = send_file(source, brokers, name, rate=rate, tell=lambda count: ticker.say(f"{count:,} messages"))
    ticker.clear()
    if as_json:
        report = {"topic": name, "servers": brokers, "file": str(source), "messages": taken}
        click.echo(json.dumps(report))
    else:
        click.echo(f"{taken:,} messages of {source} are in {name} at {brokers}.")


def _servers(settings: Settings) -> str:
    """The brokers that are configured, else the one of the running stack, wherever its ports are."""
    from weather_pipeline.stack.state import read_state

    state = read_state(settings.home)
    offset = settings.port_offset if state is None else state.port_offset
    return settings.model_copy(update={"port_offset": offset}).effective_kafka_servers


def send_file(
    file: Path, brokers: str, topic: str, *, rate: float | None = None, tell: Callable[[int], object] = lambda _: None
) -> int:
    """Send a file's lines, each a message; how many were taken.

    Args:
        file: The file.
        brokers: host:port, separated by commas.
        topic: The topic.
        rate: Messages a second; None sends them at once.
        tell: Called with how many were sent.

    Raises:
        ClickException: The brokers have not taken all of them.
    """
    sent, begun = Sending(brokers, topic), time.monotonic()
    for number, line in enumerate(_lines(file)):
        if rate and (early := begun + number / rate - time.monotonic()) > 0:
            time.sleep(early)
        sent.send(line)
        tell(number + 1)
    sent.finish()
    return sent.taken


def holds_messages(brokers: str, topic: str) -> bool:
    """Whether a topic has had messages.

    Raises:
        ClickException: The brokers do not answer.
    """
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "weather-stream", "log_level": 0})
    try:
        known = consumer.list_topics(timeout=_PATIENCE).topics
        partitions = known[topic].partitions if topic in known else ()
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, each), timeout=_PATIENCE) for each in partitions]
    except KafkaException as error:
        raise click.ClickException(f"Kafka at {brokers} does not answer ({error.args[0].str()}).") from None
    finally:
        consumer.close()
    return any(high for _, high in filter(None, ends))


class Sending:
    """Messages on their way to one topic: each at least once, in order, acknowledged by all replicas.

    Args:
        brokers: host:port, separated by commas.
        topic: The topic; brokers make it where they may.
    """

    def __init__(self, brokers: str, topic: str) -> None:
        from confluent_kafka import Producer

        self._brokers, self._topic = brokers, topic
        self._last_error: str | None = None
        self._producer: Producer = Producer(
            {
                "bootstrap.servers": brokers,
                "enable.idempotence": True,
                "message.timeout.ms": int(_PATIENCE * 1000),
                "error_cb": self._failed,
                "log_level": 0,
            }
        )
        self.taken = 0
        self._lost: KafkaError | None = None

    def send(self, line: bytes) -> None:
        """Hand over one message.

        Raises:
            ClickException: The brokers have not taken one that was sent before, or can't take this one.
        """
        from confluent_kafka import KafkaException

        while True:
            try:
                self._producer.produce(self._topic, value=line, key=_key(line), on_delivery=self._delivered)
                break
            except BufferError:  # the queue is full
                self._producer.poll(0.1)
            except KafkaException as error:  # the client knows already that it can't be sent
                self._producer.flush(_MOMENT)  # of the messages before it the brokers say why
                self._lost = self._lost or error.args[0]
                break
        self._producer.poll(0)
        self._check()

    def finish(self) -> None:
        """Wait until all is taken.

        Raises:
            ClickException: It was not in time.
        """
        waiting = self._producer.flush(_PATIENCE + 5.0)
        self._check()
        if waiting:
            raise click.ClickException(self._said(f"{waiting:,} messages were not taken", _AWAY))

    def _check(self) -> None:
        if self._lost is not None:
            hint = _hint(self._lost, self._topic)
            raise click.ClickException(self._said(f"a message was not taken ({self._lost.str()})", hint))

    def _said(self, what: str, hint: str) -> str:
        why = f" ({self._last_error})" if self._last_error else ""
        return f"Kafka at {self._brokers}{why}: {what}; {self.taken:,} were. {hint}"

    def _failed(self, error: KafkaError) -> None:
        self._last_error = error.str()

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.taken += 1
        else:
            self._lost = error


def _hint(error: KafkaError, topic: str) -> str:
    """What to check where a message was not taken."""
    code = error.code()
    if code == error.TOPIC_EXCEPTION:
        return (
            f"{topic!r} can't be a topic's name: letters, digits, `.`, `_` and `-`, 249 at most (--topic, KAFKA_TOPIC)."
        )
    if code in {error.UNKNOWN_TOPIC_OR_PART, error._UNKNOWN_TOPIC}:  # noqa: SLF001  (its name of the constant)
        return f"There is no topic {topic}, and the brokers make none by themselves: make it, or name another."
    # Codes of brokers are positive, those of the client negative.
    return "The brokers refused it." if code > 0 else _AWAY


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        for line in opened:
            if text := line.strip():
                yield text


def _key(line: bytes) -> bytes | None:
    """The article's id, so that messages of one article are in order; none where the line has none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    key = found.get("id") if isinstance(found, dict) else None
    return key.encode() if isinstance(key, str) and key else None
