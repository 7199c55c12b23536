"""A database's address as people may see it."""

from __future__ import annotations

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.marquez.embedded.database import shown


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://me:hush@db.example:5433/lineage", "postgresql://me@db.example:5433/lineage"),
        ("postgresql://me:h%40sh@db.example/lineage?sslmode=require", "postgresql://me@db.example:5432/lineage"),
        ("postgresql://db.example/lineage?user=me&password=hush", "postgresql://me@db.example:5432/lineage"),
        ("host=db.example user=me password=hush dbname=lineage", "postgresql://me@db.example:5432/lineage"),
        ("postgresql:///lineage", "postgresql://localhost:5432/lineage"),
    ],
)
def test_it_is_shown_without_the_password(url: str, seen: str) -> None:
    assert shown(url) == seen


@pytest.mark.parametrize(
    "url",
    [
        "hush",
        "mysql://me:hush@h/d",
        "postgresql://me:hush%zz@h/d",
        "postgresql://me:hush/3@host",
        "postgresql://me:1@hush@host",
    ],
)
def test_what_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://user:password@host:port/database") as caught:
        shown(url)
    assert "hush" not in str(caught.value)
