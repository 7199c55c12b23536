"""`weather replay`: recorded observations behind Open-Meteo's protocol."""

from __future__ import annotations

import click


@click.command(
    epilog="""
    \b
    Example:
      weather replay --port 8080
      weather replay --misbehave 429-minutely:1 --misbehave 503:2
      WEATHER_OPEN_METEO_URL=http://127.0.0.1:8080 WEATHER_SOURCE=open-meteo weather demo

    docs/sources.md lists the kinds.
    """
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes any free one.")
@click.option(
    "--misbehave",
    "plan",
    multiple=True,
    metavar="KIND[:N]",
    help="Answer the first N requests wrongly (all, without N); may be repeated. An unknown KIND lists all.",
)
def replay(*, port: int, plan: tuple[str, ...]) -> None:
    """Serve recorded observations as Open-Meteo would, until Ctrl-C."""
    from weather_pipeline.sources.replay import main

    main(["--port", str(port), *(argument for kind in plan for argument in ("--misbehave", kind))])
