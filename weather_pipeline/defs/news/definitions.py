"""The news subject, composed. Without PySpark, which is an extra, there is none."""

from __future__ import annotations

from importlib.util import find_spec

import dagster as dg

from weather_pipeline.defs.news.assets import SOURCES, articles_raw_batch, articles_raw_stream
from weather_pipeline.defs.news.datasets import asset_metadata
from weather_pipeline.defs.news.schedules import STREAM_JOB, articles_raw_stream_schedule
from weather_pipeline.settings import Settings


def news_definitions(settings: Settings) -> dg.Definitions:
    """The assets that Spark jobs write, and what schedules them.

    Args:
        settings: The settings, which name the table, the files and the topic.
    """
    if find_spec("pyspark") is None:
        return dg.Definitions()

    def described(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.merge_attributes(metadata=asset_metadata(spec.key.to_user_string(), settings))

    assets = dg.map_asset_specs(described, [articles_raw_batch, articles_raw_stream, *SOURCES])
    return dg.Definitions(
        assets=dg.with_source_code_references(assets),
        jobs=[STREAM_JOB],
        schedules=[articles_raw_stream_schedule],
    )
