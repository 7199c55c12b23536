"""Running the service: what it is started with, its sockets, its end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import psycopg
import uvicorn

from weather_pipeline.errors import ConfigurationError, StoreUnavailable, WeatherPipelineError
from weather_pipeline.marquez.embedded.access import check_exposure
from weather_pipeline.marquez.embedded.address import FOR_GOOD, explained, shown
from weather_pipeline.marquez.embedded.app import create_app
from weather_pipeline.marquez.embedded.connection import bounded
from weather_pipeline.marquez.embedded.database import migrate, wait_until_there
from weather_pipeline.marquez.embedded.limits import Limits
from weather_pipeline.marquez.listening import TellingServer, bound, cannot_listen
from weather_pipeline.marquez.token import lineage_token
from weather_pipeline.settings import Settings

SERVER = "The lineage service"

_DATABASE_WAIT = 60.0
_GRACE_SECONDS = 10
_IDLE_SECONDS = 5


@dataclass(frozen=True)
class Service:
    """What one service is started with.

    Attributes:
        database_url: `postgresql://user:password@host:port/database`.
        host: Address to listen on, or a name of this machine.
        port: Port to listen on.
        token: The bearer token that requests must bring; None where all may ask.
        own_names_only: Whether requests must ask for an address or `localhost`.
        origins: Origins of the web pages that may use the service.
        limits: Bounds of a request.
        retention_days: Days for which runs, versions and events are kept; 0 keeps everything.
    """

    database_url: str = field(repr=False)
    host: str
    port: int
    token: str | None = field(default=None, repr=False)
    own_names_only: bool = False
    origins: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    retention_days: int = 0


def service_of(settings: Settings, *, database_url: str, host: str, port: int, insecure: bool) -> Service:
    """The service that settings describe, on a database and an address.

    Raises:
        Exposed: Other machines reach the address, no token is set, and it is not to be open to all (`insecure`).
        ConfigurationError: The token or the database's address can't be used.
    """
    token = lineage_token(settings)
    check_exposure(host, token=token, insecure=insecure)
    shown(database_url)
    return Service(
        database_url=database_url,
        host=host,
        port=port,
        token=token,
        own_names_only=token is None and not insecure,
        origins=settings.lineage_cors_origins or (),
        limits=Limits(body_bytes=settings.lineage_body_limit),
        retention_days=settings.lineage_retention_days,
    )


def serve(service: Service, *, ready: Callable[[], object]) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first.

    Args:
        service: What to serve.
        ready: Called once requests are answered.

    Raises:
        PortTaken: The address can't be had.
        StoreUnavailable: The database was not there within a minute.
        ConfigurationError: It refuses entry or a migration, or a newer version of the program has migrated it.
        KeyboardInterrupt: The signal came before the service was up.
    """
    with ExitStack() as resources:
        sockets = bound(service.host, service.port, server=SERVER)
        for each in sockets:
            resources.enter_context(each)
        _prepare_database(service.database_url)
        _run(service, sockets, ready)


def keep_log() -> None:
    """Log to stderr, a line an event."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # While the database is away the pool reports every attempt; the service says it once for each request.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def _prepare_database(url: str) -> None:
    """Wait for the database and migrate it: before the server starts, which would show an error as a stack."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        asyncio.run(wait_until_there(url, _DATABASE_WAIT))
    except psycopg.OperationalError as error:
        raise cannot_be_reached(url, error) from error
    try:
        asyncio.run(migrate(url))
    except psycopg.Error as error:
        kind = StoreUnavailable if isinstance(error, psycopg.OperationalError) else ConfigurationError
        raise kind(f"The lineage database {shown(url)} can't be migrated: {_words(error)}") from error


def cannot_be_reached(url: str, error: psycopg.OperationalError) -> WeatherPipelineError:
    """What to raise where no connection can be had, now or ever."""
    kind = ConfigurationError if FOR_GOOD.search(str(error)) else StoreUnavailable
    return kind(f"The lineage database {shown(url)} can't be reached: {_words(error)}")


def _words(error: psycopg.Error) -> str:
    """What psycopg or the server says, on one line, and what to check."""
    return explained(error.diag.message_primary or str(error))


def _run(service: Service, sockets: list[socket.socket], ready: Callable[[], object]) -> None:
    config = uvicorn.Config(
        create_app(
            service.database_url,
            token=service.token,
            own_names_only=service.own_names_only,
            origins=service.origins,
            limits=service.limits,
            retention_days=service.retention_days,
        ),
        http=bounded(service.limits),
        ws="none",
        lifespan="on",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    # uvicorn raises the signal again once it has stopped: after a stop that was asked for nothing is to happen.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        TellingServer(config, ready).run(sockets=sockets)
    except OSError as error:  # two that were bound at the same time: the first to listen has the port
        raise cannot_listen(service.host, service.port, error.strerror, server=SERVER) from error
