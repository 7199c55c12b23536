"""The lineage service's database, as a command line, a setting or a running stack names it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from weather_pipeline.cli.common import read_settings
from weather_pipeline.errors import ConfigurationError, StackError

if TYPE_CHECKING:
    from weather_pipeline.settings import Settings

DATABASE_VARIABLE = "WEATHER_LINEAGE_DATABASE_URL"
_FORM = "postgresql://user:password@host:port/database"


class NamedDatabase(NamedTuple):
    """A database's URL, and the same without its password."""

    url: str
    shown: str


def named_database(given: str | None, settings: Settings) -> NamedDatabase | None:
    """The database that `--database-url` names, else the setting; None where neither does.

    Raises:
        UsageError: The URL can't be used. Its text is not in the message.
    """
    from weather_pipeline.marquez.embedded.address import shown

    setting = settings.lineage_database_url
    url = given or (setting.get_secret_value() if setting else None)
    if not url:
        return None
    try:
        return NamedDatabase(url, shown(url, "--database-url" if given else DATABASE_VARIABLE))
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error


def database_of(home: Path | None, given: str | None = None) -> str:
    """The URL of the database that a command works on, beside the service that has it.

    What stands on the command line counts first: `--database-url`, or `--home` with what runs there. Then the setting,
    at last what runs for the state directory of the settings.

    Args:
        home: `--home`.
        given: `--database-url`.

    Raises:
        StackError: No lineage service runs that could name one.
        UsageError: Two are named, or the URL can't be used. Its text is not in the message.
    """
    from weather_pipeline.stack.environment import lineage_database

    if given is not None and home is not None:
        raise click.UsageError("--database-url and --home exclude each other: both name a database.")
    settings = read_settings(home)
    if home is not None:
        return lineage_database(settings.home)
    named = named_database(given, settings)
    if named is not None:
        return named.url
    try:
        return lineage_database(settings.home)
    except StackError as error:
        raise StackError(f"No database is named: {error}. Or set {DATABASE_VARIABLE} to {_FORM}.") from error
