"""OpenLineage's own configuration (`openlineage.yml`, `OPENLINEAGE__…`, `OPENLINEAGE_URL` …) → a sink."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from openlineage.client import OpenLineageClient
from openlineage.client.transport import HttpConfig, HttpTransport, Transport, get_default_factory
from openlineage.client.transport.composite import CompositeConfig
from openlineage.client.transport.console import ConsoleTransport
from openlineage.client.transport.datadog import DatadogConfig, DatadogTransport
from openlineage.client.transport.file import FileConfig
from openlineage.client.transport.http import ApiKeyTokenProvider, TokenProvider
from openlineage.client.transport.kafka import KafkaTransport
from openlineage.client.transport.noop import NoopTransport
from openlineage.client.transport.transform import TransformConfig, TransformTransport

from weather_pipeline.lineage.answers import Answer, Sink, Verdict
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.sinks.files import FileSink, is_local
from weather_pipeline.lineage.sinks.http import TIMEOUT, HttpSink
from weather_pipeline.lineage.sinks.kafka import KafkaSink, with_confirmation
from weather_pipeline.lineage.sinks.others import CompositeSink, DisabledSink, TransformSink, TransportSink

_SWITCHED_OFF = DisabledSink("OPENLINEAGE_DISABLED=true")


def open_sink(default_url: str | None = None, default_token: str | None = None) -> Sink:
    """The sink that OpenLineage's own configuration names, else the default URL.

    Args:
        default_url: Base URL of the backend where no `openlineage.yml`, `OPENLINEAGE__…` or `OPENLINEAGE_URL` is set.
        default_token: Bearer token for that backend.

    Raises:
        RuntimeError, ValueError, KeyError, TypeError: The configuration lacks something, as OpenLineage's client says.
        ModuleNotFoundError: The transport needs a package that is not installed.
    """
    client = OpenLineageClient(transport=_Sinks())
    if isinstance(client.transport, NoopTransport):
        return _SWITCHED_OFF
    settings = client.config.transport or {}
    if settings.get("type"):
        sink = sink_of(settings)
    elif settings or default_url is None:
        sink = _unconfigured(default_url, default_token)
    else:
        sink = _default(default_url, default_token)
    if isinstance(sink, DisabledSink) or not _changes_events(client):
        return sink
    return ClientSink(client, sink)


class _Sinks(Transport):
    """Stands where the client wants a transport, so that it makes none of its own."""

    kind = "exporter"


class ClientSink:
    """Does with events what the client does before its transport: variables, tags, datasets, filters, as configured."""

    def __init__(self, client: OpenLineageClient, sink: Sink) -> None:
        self._client = client
        self._sink = sink
        self.inner = (sink,)
        self.name = sink.name

    def send(self, message: Message) -> Answer:
        """Send one event, with what the configuration adds, unless it filters its job out."""
        changed = self.changed(message)
        return changed if isinstance(changed, Answer) else self._sink.send(changed)

    def changed(self, message: Message) -> Message | Answer:
        """The event that is sent; the answer where none is."""
        client, config = self._client, self._client.config
        # The client changes events in place.
        event: Any = copy.deepcopy(message.event)
        if config.facets.environment_variables:
            event = client.add_environment_facets(event)
        if config.tags.job or config.tags.run:
            event = client.update_event_tags_facets(event)
        if not config.facets.source_code_location.disabled:
            event = client.add_source_code_location_facet(event)
        if config.dataset.reducing_enabled:
            event = client.reduce_datasets(event)
        if client.filter_event(event) is None:
            return Answer(Verdict.WITHHELD, "A filter of OpenLineage's configuration names its job.")
        return replace(message, event=event)


def _changes_events(client: OpenLineageClient) -> bool:
    config = client.config
    facets, tags = config.facets, config.tags
    added = facets.environment_variables or not facets.source_code_location.disabled or tags.job or tags.run
    return bool(added or config.filters or config.dataset.reducing_enabled)


def _default(url: str, token: str | None) -> Sink:
    auth = ApiKeyTokenProvider({"apiKey": token}) if token else TokenProvider({})
    return HttpSink(HttpConfig(url, timeout=TIMEOUT, auth=auth))


def _unconfigured(default_url: str | None, default_token: str | None) -> Sink:
    """Where no transport is named: that of `OPENLINEAGE_URL` and its like, else the default URL, else the log."""
    transport = OpenLineageClient().transport
    if isinstance(transport, HttpTransport):
        transport.config.timeout = TIMEOUT
        return HttpSink(transport.config)
    if isinstance(transport, ConsoleTransport) and default_url is not None:
        return _default(default_url, default_token)
    return TransportSink(transport)


def sink_of(settings: Mapping[str, Any]) -> Sink:
    """The sink of a transport's settings, `type` among them."""
    kind = settings["type"]
    make = _KINDS.get(kind)
    return make(settings) if make else _other(settings)


def _http(settings: Mapping[str, Any]) -> Sink:
    # An event that the async transport takes is queued: the same settings serve the transport that waits.
    return HttpSink(HttpConfig.from_dict({"timeout": TIMEOUT, **settings}))


def _datadog(settings: Mapping[str, Any]) -> Sink:
    return HttpSink(DatadogTransport(DatadogConfig.from_dict({"timeout": TIMEOUT, **settings})).http.config)


def _kafka(settings: Mapping[str, Any]) -> Sink:
    return _other(with_confirmation(settings))


def _file(settings: Mapping[str, Any]) -> Sink:
    config = FileConfig.from_dict(dict(settings))
    return FileSink(config) if is_local(config) else _other(settings)


def _transform(settings: Mapping[str, Any]) -> Sink:
    config = TransformConfig.from_dict(dict(settings))
    # The client's transport looks the transformer up; what it would send by is made here.
    outer = TransformTransport(
        TransformConfig({"type": "noop"}, config.transformer_class, config.transformer_properties)
    )
    return TransformSink(outer.transformer, sink_of(config.transport))


def _composite(settings: Mapping[str, Any]) -> Sink:
    config = CompositeConfig.from_dict(dict(settings))
    children = config.transports.values() if isinstance(config.transports, dict) else config.transports
    children = [child for child in children if child]
    if config.sort_transports:
        children.sort(key=lambda child: int(child.get("priority", 0)), reverse=True)
    sinks = [sink for sink in map(sink_of, children) if not isinstance(sink, DisabledSink)]
    if not sinks:
        return DisabledSink("a composite transport without any that sends")
    return CompositeSink(
        sinks, continue_on_failure=config.continue_on_failure, continue_on_success=config.continue_on_success
    )


def _noop(_: Mapping[str, Any]) -> Sink:
    return DisabledSink("the transport noop")


def _other(settings: Mapping[str, Any]) -> Sink:
    """A transport that only OpenLineage's factory knows: a user's own, by its class; a cloud's."""
    transport = get_default_factory().create(dict(settings))
    return KafkaSink(transport) if isinstance(transport, KafkaTransport) else TransportSink(transport)


_KINDS = {
    "http": _http,
    "async_http": _http,
    "datadog": _datadog,
    "kafka": _kafka,
    "msk-iam": _kafka,
    "file": _file,
    "transform": _transform,
    "composite": _composite,
    "noop": _noop,
}
