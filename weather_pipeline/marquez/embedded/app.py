"""The service: routes, errors, what holds for every request."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from weather_pipeline.marquez.embedded import (
    columns,
    datasets,
    history,
    jobs,
    lineage,
    metrics,
    namespaces,
    posting,
    run_lineage,
    runs,
    search,
    sources,
    stats,
    tags,
    text_search,
)
from weather_pipeline.marquez.embedded.access import BearerToken, allow_pages
from weather_pipeline.marquez.embedded.answers import problem, retry_after
from weather_pipeline.marquez.embedded.api_schema import REFUSALS
from weather_pipeline.marquez.embedded.body import require_json
from weather_pipeline.marquez.embedded.database import Database, DatabaseTooSlow, Use
from weather_pipeline.marquez.embedded.errors import InvalidBody, Refused
from weather_pipeline.marquez.embedded.limits import Limits
from weather_pipeline.marquez.embedded.methods import HeadAsGet, allowed
from weather_pipeline.marquez.embedded.metrics import MeasuredRequests, Metrics
from weather_pipeline.marquez.embedded.parameters import database_of
from weather_pipeline.marquez.embedded.retention import pruned_regularly
from weather_pipeline.marquez.embedded.writer import Writer
from weather_pipeline.marquez.own_names import OwnNamesOnly

log = logging.getLogger(__name__)

_WAIT_WHEN_AWAY, _WAIT_WHEN_SLOW = 1, 10
"""Seconds after which a request may be sent again."""

health = APIRouter(tags=["health"])

_ROUTERS = (
    health, metrics, posting, lineage, columns, run_lineage, runs, jobs, datasets, namespaces, sources, search,
    text_search, tags, history, stats,
)  # fmt: skip


def create_app(
    database_url: str,
    *,
    token: str | None = None,
    own_names_only: bool = False,
    origins: Collection[str] = (),
    limits: Limits | None = None,
    retention_days: int = 0,
) -> FastAPI:
    """The service on a database, whose schema is brought up to date when the service starts.

    Args:
        database_url: `postgresql://user:password@host:port/database`.
        token: The bearer token that requests must bring; None where all may ask.
        own_names_only: Whether requests must ask for an address or `localhost`.
        origins: Origins of the web pages that may use the service.
        limits: Bounds of a request; the usual ones by default.
        retention_days: Days for which runs, versions and events are kept; 0 keeps everything.
    """
    limits = limits or Limits()
    database = Database(database_url, limits)
    writer = Writer(database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as resources:
            resources.push_async_callback(database.close)
            await database.open()
            resources.push_async_callback(writer.close)
            await resources.enter_async_context(pruned_regularly(database_url, retention_days))
            yield

    app = FastAPI(
        title="weather_pipeline lineage service",
        description="Marquez's REST API on PostgreSQL.",
        lifespan=lifespan,
        dependencies=[Depends(require_json)],
        responses=REFUSALS,
        redirect_slashes=False,
        # Their pages load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
    )
    app.state.database = database
    app.state.writer = writer
    app.state.limits = limits
    app.state.origins = origins
    app.state.metrics = Metrics(database)
    app.add_middleware(HeadAsGet)
    app.add_middleware(EncodedPaths)
    if token is not None:
        app.add_middleware(BearerToken, token=token)
    if own_names_only:
        app.add_middleware(OwnNamesOnly, remedy="Set WEATHER_LINEAGE_TOKEN, or say --insecure, to be asked by any.")
    app.add_middleware(MeasuredRequests, metrics=app.state.metrics)
    if origins:
        # Outermost: browsers ask without a token whether a page may ask with one.
        allow_pages(app, origins)
    for module in _ROUTERS:
        app.include_router(module if isinstance(module, APIRouter) else module.router)
    _handle_errors(app)
    return app


@health.get("/healthcheck")
@health.get("/api/v1/health")
async def healthcheck(request: Request) -> dict[str, dict[str, bool]]:
    """Whether the service and its database answer. Marquez has it on its admin port only."""
    async with database_of(request).connection(Use.WATCH) as connection:
        await connection.execute("SELECT 1")
    return {"postgresql": {"healthy": True}}


class EncodedPaths:
    """Routes by the path as it was sent: an encoded slash belongs to a name and does not split the path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        if b"%00" in raw or b"%00" in scope["query_string"]:
            await problem(HTTPStatus.BAD_REQUEST, "The address contains the character NUL.")(scope, receive, send)
            return
        # In place: what stands around this finds the route in the same scope afterwards.
        scope["path"] = raw.partition(b"?")[0].decode("ascii", "replace")
        await self._app(scope, receive, send)


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _bad_parameters)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(psycopg.DataError, _bad_data)
    # One of the kind `OperationalError`, although nothing is wrong with the database: a value too long for an index.
    app.add_exception_handler(psycopg.errors.ProgramLimitExceeded, _bad_data)
    app.add_exception_handler(psycopg.errors.QueryCanceled, _too_slow)
    app.add_exception_handler(DatabaseTooSlow, _too_slow)
    app.add_exception_handler(psycopg.OperationalError, _database_away)
    # What the service had begun, and then stood still over.
    app.add_exception_handler(psycopg.errors.IdleInTransactionSessionTimeout, _database_away)
    # A server that has become another's replica, or that somebody has made read-only.
    app.add_exception_handler(psycopg.errors.ReadOnlySqlTransaction, _database_away)
    app.add_exception_handler(PoolTimeout, _database_away)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_: Request, error: Exception) -> Response:
    if isinstance(error, InvalidBody):
        return JSONResponse({"errors": error.errors}, error.status)
    assert isinstance(error, Refused)  # noqa: S101  (registered for it)
    if error.status is HTTPStatus.BAD_REQUEST:
        return JSONResponse({"errors": [str(error)]}, error.status)
    return problem(error.status, str(error), error.headers)


async def _bad_parameters(_: Request, error: Exception) -> Response:
    """404 for a parameter that can't be parsed, 400 for a value that is not allowed, each told as by Marquez."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for it)
    entries = error.errors()
    messages = [_parameter_message(entry) for entry in entries]
    kinds = {entry["type"] for entry in entries}
    if not kinds <= {*_NOT_ALLOWED, _NO_CHOICE}:
        return problem(HTTPStatus.NOT_FOUND, f"HTTP 404 Not Found: {'; '.join(messages)}")
    if _NO_CHOICE in kinds:
        return problem(HTTPStatus.BAD_REQUEST, "; ".join(messages))
    return JSONResponse({"errors": messages}, HTTPStatus.BAD_REQUEST)


_NOT_ALLOWED = ("missing", "greater_than_equal", "less_than_equal")
_NO_CHOICE = "enum"
_QUOTED = re.compile("'([^']*)'")


def _parameter_message(entry: dict[str, Any]) -> str:
    # Of a list also the place in it.
    kind, name, *_ = entry["loc"]
    context = entry.get("ctx", {})
    reasons = {
        "missing": "must not be null",
        "greater_than_equal": f"must be greater than or equal to {context.get('ge')}",
        "less_than_equal": f"must be less than or equal to {context.get('le')}",
        _NO_CHOICE: f"must be one of [{', '.join(re.findall(_QUOTED, context.get('expected', '')))}]",
    }
    return f"{kind} param {name} {reasons.get(entry['type'], entry['msg'])}"


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it)
    status = HTTPStatus(error.status_code)
    headers = error.headers
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        # The router names those of one route; others of the same path have others.
        headers = {"Allow": ", ".join(allowed(request.scope["path"], request.app.routes))}
    return problem(status, f"HTTP {status.value} {status.phrase}", headers)


async def _bad_data(_: Request, error: Exception) -> Response:
    # Quoted: the message holds the value, which may hold lines that look like ours.
    log.info("PostgreSQL refused a value: %r", str(error))
    return problem(HTTPStatus.BAD_REQUEST, "A value of the request can't be stored or compared.")


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("The lineage database is away or busy: %s", str(error).strip() or type(error).__name__)
    request.app.state.database.check_soon()
    message = (
        "The lineage database can't be reached, or is busy. Nothing of this request was acknowledged: send it again."
    )
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, message, retry_after(_WAIT_WHEN_AWAY))


async def _too_slow(request: Request, error: Exception) -> Response:
    log.warning("%s %s was given up: %s", request.method, request.url.path, str(error).strip())
    message = (
        "The lineage database took too long. Nothing of this request was acknowledged: send it again later, "
        "or ask for less at a time."
    )
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, message, retry_after(_WAIT_WHEN_SLOW))


async def _unexpected(_: Request, __: Exception) -> Response:
    # uvicorn logs the exception with its stack.
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed. The service's log says why.")
