"""`python -m weather_pipeline.marquez.web`: the lineage page alone, on any Marquez."""

from __future__ import annotations

import argparse
import logging
import sys

from weather_pipeline.errors import ConfigurationError, PortTaken
from weather_pipeline.marquez.token import lineage_token
from weather_pipeline.marquez.web.server import serve
from weather_pipeline.settings import load_settings
from weather_pipeline.urls import without_login

_EXAMPLE = "Example: python -m weather_pipeline.marquez.web --port 5001 --marquez-url http://localhost:5000"


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and serve; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m weather_pipeline.marquez.web",
        description="Serve the lineage page for a Marquez.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5001, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--marquez-url",
        help="base URL of Marquez (default: MARQUEZ_URL, which is the place for one with a password, "
        "or http://localhost:5000); one that wants a token gets that of WEATHER_LINEAGE_TOKEN",
    )
    parser.add_argument("--dagster-url", help="base URL of the Dagster UI, for links (default: no links)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logger = logging.getLogger(__name__)
    try:
        settings = load_settings()
        marquez_url = options.marquez_url or settings.effective_marquez_url
        token = lineage_token(settings)
        logger.info("Lineage page on http://%s:%s, reading %s", options.host, options.port, without_login(marquez_url))
        serve(options.host, options.port, marquez_url, options.dagster_url, token=token)
    except (ConfigurationError, PortTaken) as error:
        logger.error("%s", error)  # noqa: TRY400  (the message is all that the user needs)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
