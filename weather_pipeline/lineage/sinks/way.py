"""The way of an event through the sinks of a configuration: what arrives at the backend of which is asked.

Filters, transformers and the like change events or keep them back. What is compared with a backend must be what was to
arrive there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from openlineage.client.transport import HttpTransport

from weather_pipeline.lineage.answers import Answer, Sink, Verdict
from weather_pipeline.lineage.marquez_api import same_server
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.sinks.http import HttpSink
from weather_pipeline.lineage.sinks.others import DisabledSink


@runtime_checkable
class Changing(Protocol):
    """A sink that changes events before it hands them on."""

    def changed(self, message: Message) -> Message | Answer:
        """The event that is sent; the answer where none is."""
        ...


class Way(NamedTuple):
    """The sinks that an event passes, from the configured one to the one that sends it."""

    sinks: tuple[Sink, ...]

    @property
    def transport(self) -> HttpTransport | None:
        """The HTTP transport at its end, where that is one."""
        end = self.sinks[-1]
        return end.transport if isinstance(end, HttpSink) else None

    @property
    def closed_by(self) -> str | None:
        """What switches lineage off on this way, as `OPENLINEAGE_DISABLED=true`."""
        end = self.sinks[-1]
        return end.reason if isinstance(end, DisabledSink) else None

    def arriving(self, message: Message) -> Message | None:
        """The event that is to arrive; None where it is kept back on purpose."""
        for sink in self.sinks:
            if not isinstance(sink, Changing):
                continue
            changed = sink.changed(message)
            if isinstance(changed, Message):
                message = changed
            elif changed.verdict is Verdict.WITHHELD:
                return None
        return message


def way_to(sink: Sink, url: str | None = None) -> Way:
    """The way to the backend at an address, else to the first that is sent to over HTTP, else the first.

    Args:
        sink: The configured sink.
        url: The backend's base URL.
    """
    ways = list(_ways(sink))
    over_http = [way for way in ways if way.transport]
    there = [way for way in over_http if url and way.transport and same_server(url, way.transport.url)]
    return (there or over_http or ways)[0]


def _ways(sink: Sink) -> Iterator[Way]:
    inner: tuple[Sink, ...] = getattr(sink, "inner", ())
    if not inner:
        yield Way((sink,))
    for each in inner:
        for way in _ways(each):
            yield Way((sink, *way.sinks))
