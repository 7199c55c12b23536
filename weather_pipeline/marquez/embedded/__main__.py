"""`python -m weather_pipeline.marquez.embedded`: run the lineage service.

The database's URL comes from `WEATHER_LINEAGE_DATABASE_URL` and the token from `WEATHER_LINEAGE_TOKEN` or
`WEATHER_LINEAGE_TOKEN_FILE`, so that no secret stands on a command line.
"""

from __future__ import annotations

import argparse
import logging
import sys

from weather_pipeline.errors import WeatherPipelineError
from weather_pipeline.marquez.embedded.access import Exposed
from weather_pipeline.marquez.embedded.server import keep_log, serve, service_of
from weather_pipeline.settings import load_settings

log = logging.getLogger("weather_pipeline.marquez.embedded")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; requests under way are finished first.

    Returns:
        The exit status: 0 after a signal, 1 where the service could not start, 130 where a signal came before it had.
        Wrong usage, which a missing database or token is, ends the process with 2.
    """
    parser = argparse.ArgumentParser(prog="python -m weather_pipeline.marquez.embedded", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5000, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--insecure", action="store_true", help="listen where other machines reach it, although no token is set"
    )
    options = parser.parse_args(arguments)
    keep_log()
    try:
        settings = load_settings()
        url = settings.lineage_database_url
        if url is None:
            parser.error("WEATHER_LINEAGE_DATABASE_URL is not set: postgresql://user:password@host:port/database")
        service = service_of(
            settings,
            database_url=url.get_secret_value(),
            host=options.host,
            port=options.port,
            insecure=options.insecure,
        )
        serve(service, ready=lambda: log.info("Lineage service on http://%s:%s", service.host, service.port))
    except Exposed as error:
        parser.error(str(error))
    except WeatherPipelineError as error:
        log.error("%s", error)  # noqa: TRY400  (the message is all that the user needs)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
