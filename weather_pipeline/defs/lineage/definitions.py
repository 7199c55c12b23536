"""The OpenLineage sensor of this code location."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from weather_pipeline.lineage import build_openlineage_sensor
from weather_pipeline.marquez.token import lineage_token
from weather_pipeline.settings import Settings

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
"""Before any run of this platform: its lineage is complete from the first run on, whenever the sensor is started."""


def lineage_definitions(settings: Settings) -> dg.Definitions:
    """The sensor that sends every asset run to the lineage backend."""
    sensor = build_openlineage_sensor(
        namespace=settings.lineage_namespace,
        url=settings.effective_marquez_url,
        token=lineage_token(settings),
        job_suffix=settings.job_suffix,
        table_authority=f"postgres://{settings.warehouse_authority}",
        dagster_url=settings.effective_dagster_url,
        since=_BEGINNING,
    )
    return dg.Definitions(sensors=[sensor])
