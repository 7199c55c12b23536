"""The weather platform's assets, checks, job and schedule."""

from weather_pipeline.defs.weather.definitions import weather_definitions

__all__ = ["weather_definitions"]
