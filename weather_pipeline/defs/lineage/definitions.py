"""The OpenLineage sensors of this code location."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from weather_pipeline.lineage import build_openlineage_sensor
from weather_pipeline.lineage.spool.sensor import build_spool_sensor
from weather_pipeline.marquez.token import lineage_token
from weather_pipeline.settings import Settings

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
"""Before any run of this platform: its lineage is complete from the first run on, whenever the sensor is started."""


def lineage_definitions(settings: Settings) -> dg.Definitions:
    """The sensors that send every asset run, and what Spark jobs have told, to the lineage backend."""
    sensor = build_openlineage_sensor(
        namespace=settings.lineage_namespace,
        url=settings.effective_marquez_url,
        token=lineage_token(settings),
        job_suffix=settings.job_suffix,
        table_authority=f"postgres://{settings.warehouse_authority}",
        dagster_url=settings.effective_dagster_url,
        since=_BEGINNING,
        parent_facet=settings.lineage_parent_facet,
    )
    spool = build_spool_sensor(
        settings.effective_spark_events, url=settings.effective_marquez_url, token=lineage_token(settings)
    )
    return dg.Definitions(sensors=[sensor, spool])
