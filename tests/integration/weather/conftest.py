from __future__ import annotations

from collections.abc import Callable

import pytest

from weather_pipeline.store.migrate import migrate


@pytest.fixture
def warehouse(new_database: Callable[[], str]) -> str:
    """The URL of a warehouse with all tables and seeds."""
    url = new_database()
    migrate(url)
    return url
