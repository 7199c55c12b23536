"""The Iceberg tables themselves: their maintenance."""

from weather_pipeline.defs.iceberg.definitions import iceberg_definitions

__all__ = ["iceberg_definitions"]
