"""`weather migrate`: the warehouse's tables."""

from __future__ import annotations

import click

from weather_pipeline.cli.common import read_settings
from weather_pipeline.errors import ConfigurationError


@click.command(
    epilog="""
    \b
    Example:
      WEATHER_DATABASE_URL=postgresql://user:password@db.example:5432/weather weather migrate
    """
)
def migrate() -> None:
    """Create the warehouse's tables in WEATHER_DATABASE_URL, or bring them up to date. The stack does so by itself."""
    from weather_pipeline.store.migrate import migrate as apply

    url = read_settings().database_url
    if url is None:
        raise ConfigurationError(
            "WEATHER_DATABASE_URL is not set: set it to postgresql://user:password@host:port/database, "
            "or start the stack with `weather up`, which migrates its own warehouse."
        )
    applied = apply(url.get_secret_value())
    click.echo(f"Applied: {', '.join(applied)}" if applied else "Nothing to do: the tables are up to date.")
