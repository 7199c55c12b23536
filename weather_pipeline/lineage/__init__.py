"""Dagster's event log to OpenLineage, for any Dagster project.

The whole public surface::

    from weather_pipeline.lineage import build_openlineage_sensor

    openlineage = build_openlineage_sensor(namespace="my-team")

The sensor reads what Dagster has recorded, posts it as OpenLineage events and moves its cursor only past what the
backend has accepted. A run never waits for lineage and never fails because of it.
"""

from weather_pipeline.lineage.dagster_internals import UnsupportedDagster
from weather_pipeline.lineage.facets.hook import FacetEntity, FacetKind
from weather_pipeline.lineage.identity import asset_run_id
from weather_pipeline.lineage.naming import InvalidName
from weather_pipeline.lineage.policy import EmissionPolicy
from weather_pipeline.lineage.sensor import build_openlineage_sensor

__all__ = [
    "EmissionPolicy",
    "FacetEntity",
    "FacetKind",
    "InvalidName",
    "UnsupportedDagster",
    "asset_run_id",
    "build_openlineage_sensor",
]
