"""The lineage service's database, as a command line or a setting names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from weather_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from weather_pipeline.settings import Settings

DATABASE_VARIABLE = "WEATHER_LINEAGE_DATABASE_URL"


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
