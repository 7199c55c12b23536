"""The news platform: articles into Iceberg by Spark."""

from weather_pipeline.defs.news.definitions import news_definitions

__all__ = ["news_definitions"]
