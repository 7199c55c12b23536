"""The weather platform's assets, checks, jobs and schedules."""

import warnings

# Used on purpose, and tested against the locked Dagster. In the code server's log a real warning would drown in these.
for _used in ("Class `LocalFileCodeReference`", "Class `CodeReferencesMetadataValue`", "Parameter `backfill_policy`"):
    warnings.filterwarnings("ignore", message=f"{_used}.* is currently in beta")

from weather_pipeline.defs.weather.definitions import weather_definitions  # noqa: E402  (the filters come first)
from weather_pipeline.defs.weather.history import history_definitions  # noqa: E402

__all__ = ["history_definitions", "weather_definitions"]
