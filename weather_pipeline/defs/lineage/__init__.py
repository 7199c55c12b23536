"""The exporter's sensor, bound to this location's settings."""

from weather_pipeline.defs.lineage.definitions import lineage_definitions

__all__ = ["lineage_definitions"]
