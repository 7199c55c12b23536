"""Runs the page's application until a signal asks it to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack

import uvicorn

from weather_pipeline.marquez.listening import TellingServer, bound
from weather_pipeline.marquez.web.app import create_app
from weather_pipeline.urls import is_loopback_host

SERVER = "The lineage page"

_SHUTDOWN_SECONDS = 3


def serve(
    host: str,
    port: int,
    marquez_url: str,
    dagster_url: str | None = None,
    *,
    token: str | None = None,
    ready: Callable[[], object] = lambda: None,
) -> None:
    """Serve the page until SIGTERM or SIGINT, then end requests in flight and return.

    Args:
        host: An address, or a name of this machine.
        port: The port.
        marquez_url: See `create_app`, as for the next two.
        dagster_url: See there.
        token: See there.
        ready: Called once requests are answered.

    Raises:
        PortTaken: The port can't be had.
        ConfigurationError: The host is none of this machine's.
    """
    # uvicorn raises the signal again once it has stopped; handled here it ends in a plain return, not in a kill.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: None)
    config = uvicorn.Config(
        create_app(marquez_url, dagster_url, token=token, own_names_only=is_loopback_host(host)),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        lifespan="off",
    )
    with ExitStack() as resources:
        listeners = [resources.enter_context(each) for each in bound(host, port, server=SERVER)]
        TellingServer(config, ready).run(sockets=listeners)
