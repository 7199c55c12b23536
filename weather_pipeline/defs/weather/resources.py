"""What the assets work with: the source, the lake and the warehouse that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import dagster as dg

from weather_pipeline.errors import ConfigurationError, Terminal
from weather_pipeline.settings import Settings, load_settings
from weather_pipeline.sources.base import WeatherSource
from weather_pipeline.sources.choose import open_source
from weather_pipeline.store.base import ObjectStore, open_store


class WeatherPlatform:
    """The platform as the settings describe it, read when a run starts.

    A plain object, without Dagster configuration: a password in a resource's configuration would show in the UI.
    """

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load_settings()

    def source(self) -> AbstractContextManager[WeatherSource]:
        """The weather source, open for the time of the context."""
        return open_source(self.settings)

    def lake(self) -> ObjectStore:
        """The object store with bronze and silver."""
        return open_store(self.settings.effective_lake_url)

    def warehouse_url(self) -> str:
        """The warehouse's connection URL.

        Raises:
            ConfigurationError: None is set.
        """
        url = self.settings.database_url
        if url is None:
            raise ConfigurationError(
                "no warehouse: WEATHER_DATABASE_URL is not set. Start the whole stack with `weather up`, or set it to "
                "postgresql://user:password@host:port/database and create the tables with `weather migrate`."
            )
        return url.get_secret_value()


@contextmanager
def retried_only_if_it_helps() -> Iterator[None]:
    """Let the retry policy act on `Transient` errors and on what nobody foresaw; `Terminal` ones fail at once.

    Raises:
        dagster.Failure: For a `Terminal` error, without retries.
    """
    try:
        yield
    except Terminal as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
