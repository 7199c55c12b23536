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
    """Create or update the warehouse's tables.

    The warehouse is WEATHER_DATABASE_URL. The stack does so with its own by itself.
    """
    from weather_pipeline.store.migrate import migrate as apply

    url = read_settings().database_url
    if url is None:
        raise ConfigurationError(
            "WEATHER_DATABASE_URL is not set: set it to postgresql://user:password@host:port/database, "
            "or start the stack with `weather up`, which migrates its own warehouse."
        )
    applied = apply(url.get_secret_value())
    click.echo(f"Applied: {', '.join(applied)}" if applied else "Nothing to do: the tables are up to date.")
