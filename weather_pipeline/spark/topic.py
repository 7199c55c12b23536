"""The Kafka topic that is read, asked for before Spark starts: Spark would wait for a broker for ever."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from weather_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

PATIENCE = 20.0
"""Seconds in which a broker must answer."""
_LOOK = 0.5
"""Seconds of one question: a signal is heard between two."""


def check_topic(servers: str, topic: str, *, patience: float = PATIENCE) -> None:
    """Check that a broker answers and has the topic. Asking makes none.

    Args:
        servers: host:port, separated by commas.
        topic: The topic.
        patience: Seconds in which it must answer.

    Raises:
        ConfigurationError: No broker answers, or none has the topic.
    """
    if topic not in _topics(servers, patience):
        raise ConfigurationError(
            f"Kafka at {servers}: there is no topic {topic}. `weather stream produce` makes it; KAFKA_TOPIC names "
            "another, KAFKA_BOOTSTRAP_SERVERS other brokers."
        )


def _topics(servers: str, patience: float) -> set[str]:
    """The topics that the brokers have."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    errors: list[str] = []

    def failed(error: KafkaError) -> None:
        errors.append(error.str())

    configuration: dict[str, Any] = {"bootstrap.servers": servers, "error_cb": failed, "log_level": 0}
    client = AdminClient(configuration)
    deadline = time.monotonic() + patience
    while True:
        try:
            # Of all topics: to ask for one by its name may make it.
            return set(client.list_topics(timeout=_LOOK).topics)
        except KafkaException as error:
            client.poll(0)
            if time.monotonic() > deadline:
                why = errors[0] if errors else error.args[0].str()
                raise ConfigurationError(
                    f"Kafka at {servers} ({why}): no answer in {patience:.0f} seconds. Is a broker there? `weather "
                    "stream kafka` starts one; KAFKA_BOOTSTRAP_SERVERS names another."
                ) from None
