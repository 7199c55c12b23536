"""What the service counts and measures, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final, LiteralString

import psycopg
from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weather_pipeline.marquez.embedded.database import Database, Use
from weather_pipeline.marquez.embedded.events import Kind

router = APIRouter(tags=["health"])

_PREFIX = "weather_lineage_"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_EVENT_TYPES = frozenset({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER", "JOB", "DATASET"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# Counting rows reads them all: PostgreSQL's own account is near enough. Right after a crash it has none, and
# `reltuples` is what the last vacuum saw.
_STORED: Final[LiteralString] = """
    SELECT name, greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) AS rows
    FROM (VALUES ('events', 'lineage_events'), ('runs', 'runs'), ('jobs', 'jobs'), ('datasets', 'datasets'))
        AS counted (name, relation)
    JOIN pg_class c ON c.oid = counted.relation::regclass
"""


class Metrics:
    """The figures of one service, in a registry of their own: a process may run several services.

    Args:
        database: Whose pools and tables are told about.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            f"{_PREFIX}http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            f"{_PREFIX}http_request_seconds",
            "Time to answer a request.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_progress = Gauge(f"{_PREFIX}http_requests_in_progress", "Requests under way.", registry=registry)
        self.ingest_seconds = Histogram(
            f"{_PREFIX}ingest_seconds",
            "Time to store what one request brought, the wait for its turn included.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._events = Counter(
            f"{_PREFIX}events", "Events that were sent, by what became of them.", ["type", "outcome"], registry=registry
        )
        self._database_up = Gauge(
            f"{_PREFIX}database_up", "Whether the database answered this scrape.", registry=registry
        )
        self._stored = Gauge(f"{_PREFIX}stored_rows", "Estimated number of rows stored.", ["table"], registry=registry)
        self._watch_pools(registry)
        Info(f"{_PREFIX}build", "What is running.", registry=registry).info({"version": version("weather-pipeline")})
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def accepted(self, event_type: str) -> None:
        """Count an event that was stored."""
        self._events.labels(_known(event_type), "accepted").inc()

    def refused(self, document: Any) -> None:
        """Count an event that was refused, by its JSON."""
        self._events.labels(_type_of(document), "refused").inc()

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = _route(scope)
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    async def exposition(self, accepted_types: str) -> tuple[bytes, str]:
        """All figures in the format that the client prefers, and its content type."""
        await self._look_at_database()
        encode, content_type = choose_encoder(accepted_types)
        return encode(self.registry), content_type

    def _watch_pools(self, registry: CollectorRegistry) -> None:
        watched = {
            "pool_connections": ("pool_size", "Connections to the database."),
            "pool_connections_available": ("pool_available", "Connections that nobody uses."),
            "pool_connections_max": ("pool_max", "Most connections."),
            "pool_requests_waiting": ("requests_waiting", "Those who wait for a connection."),
        }
        for name, (measure, description) in watched.items():
            gauge = Gauge(_PREFIX + name, description, ["pool"], registry=registry)
            for use in Use:
                told = gauge.labels(use.value)
                told.set_function(lambda use=use, measure=measure: self._database.pool_stats(use)[measure])

    async def _look_at_database(self) -> None:
        try:
            async with self._database.connection(Use.WATCH) as connection:
                rows = await (await connection.execute(_STORED)).fetchall()
        except psycopg.OperationalError:
            self._database_up.set(0)
            self._stored.clear()
            return
        self._database_up.set(1)
        for row in rows:
            self._stored.labels(row["name"]).set(row["rows"])


class MeasuredRequests:
    """Counts every request with its route's template: a path may hold any name, and each would be a series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # What is answered where the application raises.

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begin = time.perf_counter()
        self._metrics.in_progress.inc()
        try:
            await self._app(scope, receive, note_status)
        finally:
            self._metrics.in_progress.dec()
            self._metrics.answered(scope, status, time.perf_counter() - begin)


@router.get("/metrics", response_class=PlainTextResponse)
async def get_metrics(request: Request) -> Response:
    """The service's figures in Prometheus' text format."""
    content, content_type = await metrics_of(request).exposition(request.headers.get("accept", ""))
    return Response(content, headers={"Content-Type": content_type})


def metrics_of(request: Request) -> Metrics:
    """The service's figures."""
    return request.app.state.metrics


def _route(scope: Scope) -> str:
    route = scope.get("route")
    if route is not None:
        return route.path
    # Routes of Starlette's own have no template here, and no names in their paths.
    return scope["path"] if "endpoint" in scope and not scope.get("path_params") else "none"


def _type_of(document: Any) -> str:
    if not isinstance(document, Mapping):
        return "unknown"
    kind = Kind.of(document)
    return kind.value if kind is not Kind.RUN else _known(str(document.get("eventType", "")).upper())


def _known(event_type: str) -> str:
    """A type that OpenLineage knows: each value is a series, and senders may call theirs what they like."""
    return event_type if event_type in _EVENT_TYPES else "OTHER"
