"""A real Dagster instance, a real backend, and ticks of the sensor on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.sensor_definition import SensorExecutionData

from tests.collector import Collector
from weather_pipeline.lineage import build_openlineage_sensor

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
STORAGES = ("sqlite", "consolidated", "postgres")
"""Dagster's default, an SQLite file for each run; one SQLite file for all of them; PostgreSQL."""


def storage_config(kind: str, home: Path, database: Callable[[], str]) -> dict[str, Any]:
    """The `dagster.yaml` of an instance on a kind of storage."""
    config: dict[str, Any] = {"telemetry": {"enabled": False}}
    if kind == "postgres":
        config["storage"] = {"postgres": {"postgres_url": database()}}
    elif kind == "consolidated":
        config["event_log_storage"] = {
            "module": "dagster._core.storage.event_log",
            "class": "ConsolidatedSqliteEventLogStorage",
            "config": {"base_dir": str(home / "events")},
        }
    return config


@pytest.fixture(params=STORAGES)
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[], str]
) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on each kind of storage."""
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(storage_config(request.param, home, new_database)))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def backend() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


class Exporting:
    """A code location with the sensor, and its ticks."""

    def __init__(self, instance: dg.DagsterInstance, definitions: dg.Definitions, url: str, **settings: Any) -> None:
        chosen = {
            "namespace": "tests",
            "since": BEGINNING,
            "grace": timedelta(0),
            "publish_definitions": False,
            **settings,
        }
        self.sensor = build_openlineage_sensor(url=url, **chosen)
        self.instance = instance
        self.definitions = dg.Definitions.merge(definitions, dg.Definitions(sensors=[self.sensor]))
        self.cursor: str | None = None

    def tick(self) -> SensorExecutionData:
        context = dg.build_sensor_context(
            instance=self.instance, repository_def=self.definitions.get_repository_def(), cursor=self.cursor
        )
        result = self.sensor.evaluate_tick(context)
        self.cursor = result.cursor
        return result

    def run(self, *, raise_on_error: bool = True, **settings: Any) -> dg.ExecuteInProcessResult:
        """Materialize every asset of the location in this process."""
        assets = [asset for asset in self.definitions.assets or [] if isinstance(asset, dg.AssetsDefinition)]
        return dg.materialize(assets, instance=self.instance, raise_on_error=raise_on_error, **settings)


def error_of(result: SensorExecutionData) -> str | None:
    """The message of a red tick."""
    errors = [reaction.error for reaction in result.dagster_run_reactions or [] if reaction.error]
    return errors[0].message if errors else None
