"""`python -m weather_pipeline.marquez.embedded`: run the lineage service.

The database's URL comes from `WEATHER_LINEAGE_DATABASE_URL`, so that no password stands on a command line.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys

import uvicorn

from weather_pipeline.marquez.embedded.app import create_app
from weather_pipeline.settings import load_settings

_GRACE_SECONDS = 10


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; requests under way are finished first.

    Returns:
        The exit status: 0 after a signal, 2 where the database's URL is missing, 3 where the service could not start.
    """
    parser = argparse.ArgumentParser(prog="python -m weather_pipeline.marquez.embedded", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5000, help="port to listen on (default: %(default)s)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # While the database is away the pool reports every attempt; the service says it once for each request.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    settings = load_settings()
    url = settings.lineage_database_url
    if url is None:
        parser.error("WEATHER_LINEAGE_DATABASE_URL is not set: postgresql://user:password@host:port/database")
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(url.get_secret_value(), retention_days=settings.lineage_retention_days),
            host=options.host,
            port=options.port,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            server_header=False,
        )
    )
    # uvicorn raises the signal again once it has stopped: after a stop that was asked for the status is 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 3


if __name__ == "__main__":
    sys.exit(main())
