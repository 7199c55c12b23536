"""Runs the page's application until a signal asks it to stop."""

from __future__ import annotations

import signal
import socket

import uvicorn

from weather_pipeline.errors import PortTaken
from weather_pipeline.marquez.web.app import create_app

_SHUTDOWN_SECONDS = 3


def serve(host: str, port: int, marquez_url: str, dagster_url: str | None = None) -> None:
    """Serve the page until SIGTERM or SIGINT, then end requests in flight and return.

    Raises:
        PortTaken: The address can't be listened on.
    """
    # uvicorn raises the signal again once it has stopped; handled here it ends in a plain return, not in a kill.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: None)
    config = uvicorn.Config(
        create_app(marquez_url, dagster_url),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        lifespan="off",
    )
    with listen(host, port) as listener:
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on the address.

    Raises:
        PortTaken: The address can't be listened on; names it and the system's reason.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise PortTaken(
            f"The lineage page can't listen on {host}:{port}: {error.strerror}. Give another with --port."
        ) from error
