"""The tables of articles and their columns, for those who know them without Spark."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, tuple[str, str]] = {
    "id": ("string", "The article, by its publisher"),
    "published_at": ("timestamp", "When it was published, UTC"),
    "title": ("string", "Its title"),
    "source": ("string", "Its publisher"),
    "url": ("string", "Where it stands"),
    "author": ("string", "Who wrote it"),
    "section": ("string", "What it is about"),
    "language": ("string", "Its language, ISO 639-1"),
    "body": ("string", "Its text"),
}
"""Column → its type in Iceberg and what it is."""

NEEDED = ("id", "published_at", "title")
"""Columns that every article has."""

REJECTED, DEAD_LETTERS = "_rejected", "_dead_letters"
"""What follows the table's name in those beside it: of rows that the batch does not let in, of messages that are no
articles."""
