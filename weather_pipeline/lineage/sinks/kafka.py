"""OpenLineage over Kafka: an event is accepted when the broker has confirmed it, not when it was put into a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from openlineage.client.transport.kafka import KafkaTransport

from weather_pipeline.lineage.answers import Answer, Verdict
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.redaction import redacted
from weather_pipeline.lineage.sinks.encoding import encoded

TIMEOUT = 5.0
"""Seconds after which an event that the broker has not confirmed is taken back, where the producer's own setting does
not say it."""
_TIMEOUT_SETTINGS = ("delivery.timeout.ms", "message.timeout.ms")
_SLACK = 1.0
_POLL = 0.1
_REFUSALS = frozenset({"MSG_SIZE_TOO_LARGE", "_INVALID_ARG", "INVALID_MSG", "INVALID_RECORD", "RECORD_LIST_TOO_LARGE"})
"""Errors about the event itself."""


def with_confirmation(config: Mapping[str, Any]) -> dict[str, Any]:
    """The transport's settings with what makes acceptance certain, and known before the tick is long over."""
    producer = dict(config.get("config") or {})
    for setting in ("acks", "request.required.acks"):
        producer.pop(setting, None)
    producer["acks"] = "all"
    if not any(setting in producer for setting in _TIMEOUT_SETTINGS):
        producer["message.timeout.ms"] = int(TIMEOUT * 1000)
    return {**config, "config": producer, "flush": False}


class KafkaSink:
    """Produces events and waits for the broker's confirmation of each.

    Args:
        transport: OpenLineage's Kafka transport (or its kind with IAM for MSK), made with settings that
            `with_confirmation` gave.
    """

    def __init__(self, transport: KafkaTransport) -> None:
        self._transport = transport
        settings = transport.kafka_config.config
        milliseconds = next(int(settings[each]) for each in _TIMEOUT_SETTINGS if each in settings)
        self._patience = milliseconds / 1000 + _SLACK
        self.name = f"kafka topic {transport.topic}"

    def send(self, message: Message) -> Answer:
        """Produce one event, and wait until the broker has it or gives it up."""
        producer: Any = self._transport.producer
        body = message.body()
        confirmed, errors = threading.Event(), list[Any]()

        def on_delivery(error: Any, _: Any) -> None:
            errors.extend([error] if error is not None else [])
            confirmed.set()

        key = self._transport.message_key or key_of(body)
        try:
            producer.produce(self._transport.topic, key=key, value=encoded(body), on_delivery=on_delivery)
        except BufferError as error:
            return Answer(Verdict.LATER, f"{self.name}: the producer's queue is full: {error}")
        except Exception as error:  # noqa: BLE001  (KafkaException; its module is there only with the extra)
            return self._failure(error.args[0] if error.args else error)
        until = time.monotonic() + self._patience
        while not confirmed.is_set() and time.monotonic() < until:
            # Any thread's poll serves the confirmations of all.
            producer.poll(_POLL)
        if not confirmed.is_set():
            return Answer(Verdict.LATER, f"{self.name}: no confirmation within {self._patience:g} s.")
        return self._failure(errors[0]) if errors else Answer(Verdict.ACCEPTED)

    def _failure(self, error: Any) -> Answer:
        name = error.name() if hasattr(error, "name") else type(error).__name__
        verdict = Verdict.REFUSED if name in _REFUSALS else Verdict.LATER
        return Answer(verdict, redacted(f"{self.name}: {name}: {error}"))


def key_of(body: Mapping[str, Any]) -> str:
    """The message key of an event, as OpenLineage's own transport makes it: one job's events are one partition's."""
    if "dataset" in body:
        return f"dataset:{body['dataset']['namespace']}/{body['dataset']['name']}"
    job, kind = body["job"], "run" if "run" in body else "job"
    if kind == "run" and (parent := body["run"].get("facets", {}).get("parent")):
        job = (parent.get("root") or parent)["job"]
    return f"{kind}:{job['namespace']}/{job['name']}"
