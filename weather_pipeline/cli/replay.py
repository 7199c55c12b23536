"""`weather replay`: recorded observations behind Open-Meteo's protocol."""

from __future__ import annotations

import click


@click.command(
    epilog="""
    \b
    Example:
      weather replay --port 8080
      WEATHER_OPEN_METEO_URL=http://127.0.0.1:8080 WEATHER_SOURCE=open-meteo weather demo
    """
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes any free one.")
def replay(*, port: int) -> None:
    """Serve recorded observations as Open-Meteo would, until Ctrl-C."""
    from weather_pipeline.sources.replay import main

    main(["--port", str(port)])
