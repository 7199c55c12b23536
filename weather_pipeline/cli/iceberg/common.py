"""What the commands on Iceberg's tables share: the settings, with the running stack's catalog."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.common import read_settings

if TYPE_CHECKING:
    from weather_pipeline.settings import Settings


def catalog_environment(settings: Settings) -> dict[str, str]:
    """The environment of a job that works with the tables: the running stack's, where no catalog is named.

    Where none runs, that is said on stderr, and the environment is this process's own.
    """
    from weather_pipeline.errors import StackError
    from weather_pipeline.settings import IcebergCatalog
    from weather_pipeline.stack.environment import dagster_environment, joined

    environment = {**os.environ, "WEATHER_HOME": str(settings.home.absolute())}
    if settings.iceberg_catalog is not IcebergCatalog.JDBC or settings.iceberg_uri is not None:
        return environment
    try:
        return joined(environment, dagster_environment(settings.home))
    except StackError as error:
        click.echo(f"! {error}", err=True)
        return environment


def catalog_settings(home: Path | None) -> Settings:
    """The settings, with the running stack's where no catalog is named.

    Raises:
        ConfigurationError: A setting can't be used.
    """
    # The extra that has all that the commands need: without it, its name is to be said.
    import pyiceberg  # noqa: F401

    from weather_pipeline.settings import Settings, variables

    environment = catalog_environment(read_settings(home))
    named = {field: next(filter(None, map(environment.get, variables(field))), None) for field in Settings.model_fields}
    return Settings.model_validate({field: value for field, value in named.items() if value is not None})
