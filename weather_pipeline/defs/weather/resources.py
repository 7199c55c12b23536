"""What the assets work with: the source, the lake and the warehouse that the settings name."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import dagster as dg

from weather_pipeline.errors import BronzeReplaced, ConfigurationError, SourceQuotaSpent, SourceRateLimited, Terminal
from weather_pipeline.settings import Settings, load_settings
from weather_pipeline.sources.base import WeatherSource
from weather_pipeline.sources.choose import open_source
from weather_pipeline.store.base import ObjectStore, open_store
from weather_pipeline.store.s3_access import s3_access


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
        settings = self.settings
        return open_store(settings.effective_lake_url, s3_access(settings))

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


_WAITS = 5
"""How often a step waits for a limit of the source to end. Dagster counts all attempts, whatever they failed of."""

_REPLACED_WAIT = 3.0
"""Seconds to wait for a run in parallel that has fetched the same hours to judge them."""
_REPLACED_WAITS = 10

_JITTER = 0.1
"""Share by which a wait may be longer than asked: parallel runs must not come back at the same moment."""


@contextmanager
def retried_only_if_it_helps() -> Iterator[None]:
    """Let the retry policy act on `Transient` errors and on what nobody foresaw; `Terminal` ones fail at once.

    A limit of the source that ends soon is waited out, however short the policy's own delays are; and so is a run in
    parallel that works on the same hours.

    Raises:
        dagster.RetryRequested: For a limit that ends soon, and for bronze that was replaced.
        dagster.Failure: For a `Terminal` error, without retries; a quota that is spent says when it is over.
    """
    try:
        yield
    except BronzeReplaced as error:
        raise dg.RetryRequested(max_retries=_REPLACED_WAITS, seconds_to_wait=_REPLACED_WAIT) from error
    except SourceRateLimited as error:
        wait = error.retry_after * random.uniform(1, 1 + _JITTER)  # noqa: S311  (jitter)
        raise dg.RetryRequested(max_retries=_WAITS, seconds_to_wait=wait) from error
    except SourceQuotaSpent as error:
        metadata = {"retry_from": dg.MetadataValue.timestamp(error.retry_from)}
        raise dg.Failure(description=str(error), metadata=metadata, allow_retries=False) from error
    except Terminal as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
