"""Ordered, concurrent delivery that says what was accepted.

Several runs are delivered at once over kept connections; the events of one run go in order, one after another, and
stop at the first that was not accepted. Only a 2xx answer is acceptance. An answer that says the event itself is bad
is a refusal; everything else is a reason to try again later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from urllib.parse import urljoin

import requests
from openlineage.client import OpenLineageClient
from openlineage.client.transport import HttpConfig, HttpTransport, Transport
from openlineage.client.transport.noop import NoopConfig, NoopTransport
from requests.adapters import HTTPAdapter

from weather_pipeline.lineage.events import Message

WORKERS = 8
"""Runs in flight at once."""

_RETRY_LATER = frozenset({401, 403, 404, 408, 425, 429})
"""4xx answers that are about credentials, routes or load, not about the event: waited out."""


class Verdict(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    DOUBTFUL = "doubtful"
    """A 500: Marquez answers so both when it is ill and when the event is bad."""


@dataclass(frozen=True)
class Answer:
    """The verdict on one event, with the backend's own words."""

    verdict: Verdict
    reason: str = ""


class Sink(Protocol):
    """Where events go. Called from several threads."""

    name: str

    def send(self, message: Message) -> Answer:
        """Send one event and say what became of it; never raises for what the backend does."""
        ...

    def is_well(self) -> bool:
        """Whether the backend answers a harmless question."""
        ...


class HttpSink:
    """OpenLineage over HTTP, configured as the OpenLineage client is, but answering what the backend said."""

    def __init__(self, config: HttpConfig, *, timeout: float = 2.0) -> None:
        # The client's transport prepares requests (authentication, TLS, compression); its own retries would hide
        # the first answer and hold up everything behind it.
        config.retry = {"total": 0}
        config.adapter = HTTPAdapter(pool_connections=1, pool_maxsize=WORKERS, max_retries=0)
        config.timeout = min(config.timeout, timeout)
        self._transport = HttpTransport(config)
        self.name = config.url

    def send(self, message: Message) -> Answer:
        """POST one event."""
        try:
            self._transport.emit(message.body())  # type: ignore[arg-type]  (it serializes dicts as well)
        except requests.HTTPError as error:
            return _answer_of(error.response)
        except (requests.RequestException, OSError, RuntimeError) as error:
            return Answer(Verdict.LATER, f"{type(error).__name__}: {error}")
        return Answer(Verdict.ACCEPTED)

    def is_well(self) -> bool:
        """Ask for one namespace, as every Marquez can answer."""
        transport = self._transport
        try:
            url = urljoin(transport.url, "/api/v1/namespaces?limit=1")
            return transport.session.get(url, timeout=transport.timeout, verify=transport.verify).ok
        except (requests.RequestException, OSError):
            return False


class TransportSink:
    """Any other transport of the OpenLineage client (Kafka, file, console, composite): what raises is not accepted."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.name = transport.kind or type(transport).__name__

    def send(self, message: Message) -> Answer:
        """Hand one event to the transport."""
        try:
            self._transport.emit(message.event)
        except Exception as error:  # noqa: BLE001  (any transport, any error: it was not accepted)
            return Answer(Verdict.LATER, f"{type(error).__name__}: {error}")
        return Answer(Verdict.ACCEPTED)

    def is_well(self) -> bool:
        """Nothing can be asked without sending."""
        return False


def open_sink(default_url: str | None = None) -> Sink:
    """The sink that OpenLineage's own configuration names, else the default URL.

    Args:
        default_url: Base URL of the backend where no `openlineage.yml`, `OPENLINEAGE__…` or `OPENLINEAGE_URL` is set.
    """
    configured = OpenLineageClient(transport=NoopTransport(NoopConfig())).config.transport
    if configured or default_url is None:
        transport = OpenLineageClient().transport
    else:
        transport = OpenLineageClient(config={"transport": {"type": "http", "url": default_url}}).transport
    return HttpSink(transport.config) if isinstance(transport, HttpTransport) else TransportSink(transport)


@dataclass
class Outcome:
    """What one delivery achieved, by Dagster run."""

    accepted: dict[str, list[Message]] = field(default_factory=dict)
    stopped: dict[str, tuple[Message, Answer]] = field(default_factory=dict)
    """The event at which a run's delivery stopped, where it did: refused, or to be tried later."""
    unavailable: str | None = None
    """Why the backend was given up for now."""


def deliver(sink: Sink, pending: Mapping[str, Sequence[Message]], *, deadline: float, cautious: bool) -> Outcome:
    """Deliver the events of several runs, each run's in order, until a deadline.

    Args:
        sink: Where events go.
        pending: Events by Dagster run, in order.
        deadline: `time.monotonic()` after which no further event is begun.
        cautious: The backend did not answer last time: send one event and go on only if it is accepted.
    """
    outcome = Outcome()
    down = threading.Event()
    guard = threading.Lock()

    def one_run(run: str, messages: Sequence[Message]) -> None:
        for message in messages:
            if down.is_set() or time.monotonic() >= deadline:
                return
            answer = sink.send(message)
            with guard:
                if answer.verdict is Verdict.ACCEPTED:
                    outcome.accepted.setdefault(run, []).append(message)
                    continue
                outcome.stopped[run] = (message, answer)
                if answer.verdict is Verdict.LATER:
                    outcome.unavailable = answer.reason
                    down.set()
            return

    todo = {run: messages for run, messages in pending.items() if messages}
    if cautious and todo:
        run = next(iter(todo))
        one_run(run, todo[run][:1])
        if outcome.stopped:
            return outcome
        todo[run] = todo[run][1:]
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="openlineage") as pool:
        list(pool.map(one_run, todo.keys(), todo.values()))
    return outcome


def _answer_of(response: requests.Response) -> Answer:
    status = response.status_code
    reason = f"HTTP {status}: {response.text[:500].strip()}"
    if status >= 500:  # noqa: PLR2004  (server error)
        return Answer(Verdict.DOUBTFUL if status == 500 else Verdict.LATER, reason)  # noqa: PLR2004
    return Answer(Verdict.LATER if status in _RETRY_LATER else Verdict.REFUSED, reason)
