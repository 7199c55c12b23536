from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.integration.weather.runs import Runs
from weather_pipeline.store.migrate import migrate


@pytest.fixture
def warehouse(new_database: Callable[[], str]) -> str:
    """The URL of a warehouse with all tables and seeds."""
    url = new_database()
    migrate(url)
    return url


@pytest.fixture
def retried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are tried again as often as their policy says, without its seconds in between."""
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda *_: 0.0)


@pytest.fixture
def runs(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Runs on recorded observations, with a lake in `tmp_path / "lake"`."""
    monkeypatch.setenv("WEATHER_DATABASE_URL", warehouse)
    monkeypatch.setenv("WEATHER_HOME", str(tmp_path))
    monkeypatch.setenv("WEATHER_SOURCE", "replay")
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "dagster")) as instance:
        yield Runs(instance)
