"""The code location: composes the subjects of `defs/` and nothing else."""

import dagster as dg

from weather_pipeline.defs.iceberg import iceberg_definitions
from weather_pipeline.defs.lineage import lineage_definitions
from weather_pipeline.defs.news import news_definitions
from weather_pipeline.defs.weather import history_definitions, weather_definitions
from weather_pipeline.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """Everything that Dagster knows of this project."""
    settings = load_settings()
    return dg.Definitions.merge(
        weather_definitions(settings),
        history_definitions(settings),
        news_definitions(settings),
        iceberg_definitions(),
        lineage_definitions(settings),
    )
