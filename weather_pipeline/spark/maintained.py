"""Which tables are maintained, and which of their snapshots expire. Without Spark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from weather_pipeline.settings import Settings
from weather_pipeline.spark.article_columns import DEAD_LETTERS, REJECTED
from weather_pipeline.spark.catalog import Table
from weather_pipeline.spark.history import history_table


def maintained_tables(settings: Settings) -> list[Table]:
    """The tables that our jobs write, whether they are there yet or not.

    Raises:
        ConfigurationError: The table of articles has no name that can be.
    """
    articles = Table.parsed(settings.iceberg_table)
    beside = [articles.beside(articles.name + part) for part in (REJECTED, DEAD_LETTERS)]
    return [articles, *beside, history_table(settings)]


def expiring(committed: Sequence[datetime], cut: datetime, keep: int) -> int:
    """How many snapshots expire.

    Args:
        committed: When each was committed.
        cut: Those before it may expire,
        keep: but not the newest, as many as this.
    """
    return sum(at < cut for at in sorted(committed, reverse=True)[keep:])
