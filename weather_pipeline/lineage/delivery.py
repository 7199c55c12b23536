"""Ordered, concurrent delivery that says what was accepted.

Several Dagster runs are delivered at once over kept connections; the events of one go one after another, and those of
one OpenLineage run stop at the first that was not accepted. Only a 2xx answer is acceptance. An answer that says the
event itself is bad is a refusal; everything else is a reason to try again later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import attr
import requests
from openlineage.client import OpenLineageClient
from openlineage.client.transport import HttpConfig, HttpTransport, Transport
from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
from openlineage.client.transport.composite import CompositeTransport
from openlineage.client.transport.noop import NoopConfig, NoopTransport
from requests.adapters import HTTPAdapter

from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.redaction import without_secrets
from weather_pipeline.lineage.stored import message_of

WORKERS = 8
"""Runs in flight at once."""

_SUCCESS = range(200, 300)
_REFUSALS = frozenset(range(400, 500)) - {401, 403, 404, 407, 408, 425, 429}
"""4xx answers about the event itself. The others are about credentials, routes or load: waited out."""

_LONGEST_TIMEOUT = 20.0
"""Seconds: a tick has to end well before the daemon gives it up after 60."""


class Verdict(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    DOUBTFUL = "doubtful"
    """A 500, or no answer in time: so it goes both when the backend is ill and when the event is bad."""


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


def send_body(sink: Sink, body: Mapping[str, Any]) -> Answer:
    """Send a body that was kept, such as a dead letter's.

    Raises:
        ValueError: The body is no OpenLineage event.
    """
    return sink.send(message_of(body))


class HttpSink:
    """OpenLineage over HTTP, configured as the OpenLineage client is, but answering what the backend said."""

    def __init__(self, config: HttpConfig) -> None:
        # The client's transport prepares requests (authentication, TLS, compression); its own retries would hide
        # the first answer and hold up everything behind it.
        config.retry = {"total": 0}
        config.adapter = HTTPAdapter(pool_connections=1, pool_maxsize=WORKERS, max_retries=0)
        config.timeout = min(config.timeout, _LONGEST_TIMEOUT)
        self._transport = HttpTransport(config)
        # A redirected POST becomes a GET: the login page's 200 would count as acceptance.
        self._transport.session.max_redirects = 0
        self.name = without_secrets(config.url)

    def send(self, message: Message) -> Answer:
        """POST one event."""
        try:
            response = self._transport.emit(message.body())  # type: ignore[arg-type]  (it serializes dicts as well)
        except requests.HTTPError as error:
            return _answer_of(error.response)
        except requests.TooManyRedirects as error:
            where = error.response.headers.get("Location") if error.response is not None else None
            return Answer(Verdict.LATER, f"{self.name} redirects to {where}: check the backend's URL.")
        except requests.ReadTimeout as error:
            return Answer(Verdict.DOUBTFUL, f"No answer within {self._transport.timeout:g} s: {error}")
        except (requests.RequestException, OSError, RuntimeError) as error:
            return Answer(Verdict.LATER, f"{type(error).__name__}: {error}")
        return Answer(Verdict.ACCEPTED) if response.status_code in _SUCCESS else _answer_of(response)


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
    if isinstance(transport, HttpTransport):
        return HttpSink(transport.config)
    if isinstance(transport, AsyncHttpTransport):
        # It answers before the backend does. The same settings serve the transport that waits.
        config = transport.config
        transport.close(0)
        return HttpSink(HttpConfig(**{each.name: getattr(config, each.name) for each in _shared_settings(config)}))
    if isinstance(transport, CompositeTransport):
        # An event that one of them has not taken is not accepted.
        transport.config.continue_on_failure = False
    return TransportSink(transport)


def _shared_settings(config: AsyncHttpConfig) -> list[Any]:
    known = {each.name for each in attr.fields(HttpConfig)}
    return [each for each in attr.fields(type(config)) if each.name in known and each.name != "retry"]


@dataclass
class Outcome:
    """What one delivery achieved, by Dagster run."""

    accepted: dict[str, list[Message]] = field(default_factory=dict)
    failed: list[tuple[str, Message, Answer]] = field(default_factory=list)
    """The events that were not accepted, each with its Dagster run and the answer."""


def deliver(sink: Sink, pending: Mapping[str, Sequence[Message]], *, deadline: float) -> Outcome:
    """Deliver the events of several runs, each run's in order, until a deadline or until the backend is found away.

    Args:
        sink: Where events go.
        pending: Events by Dagster run, in order.
        deadline: `time.monotonic()` after which no further event is begun.
    """
    outcome = Outcome()
    down = threading.Event()
    guard = threading.Lock()

    def one_run(run: str, messages: Sequence[Message]) -> None:
        stuck: set[str] = set()
        for message in messages:
            if down.is_set() or time.monotonic() >= deadline:
                return
            if message.subject in stuck:
                continue
            try:
                answer = sink.send(message)
            except Exception as error:  # noqa: BLE001  (a token provider, a sink of the user's own)
                answer = Answer(Verdict.LATER, f"{type(error).__name__}: {error}")
            with guard:
                if answer.verdict is Verdict.ACCEPTED:
                    outcome.accepted.setdefault(run, []).append(message)
                    continue
                outcome.failed.append((run, message, answer))
                # What comes after it in the same OpenLineage run waits; other assets of the Dagster run do not.
                stuck.add(message.subject)
                if answer.verdict is Verdict.LATER:
                    down.set()

    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="openlineage") as pool:
        list(pool.map(one_run, pending.keys(), pending.values()))
    return outcome


def _answer_of(response: requests.Response) -> Answer:
    status = response.status_code
    reason = f"HTTP {status}: {response.text[:500].strip()}"
    if status == 500:  # noqa: PLR2004  (internal server error)
        # Marquez wraps some refusals into a 500 whose body has the real code.
        return Answer(Verdict.REFUSED if _code_in(response) in _REFUSALS else Verdict.DOUBTFUL, reason)
    return Answer(Verdict.REFUSED if status in _REFUSALS else Verdict.LATER, reason)


def _code_in(response: requests.Response) -> object:
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get("code") if isinstance(body, dict) else None
