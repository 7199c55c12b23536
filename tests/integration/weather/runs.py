"""Runs of the weather assets in this process, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from tests.integration.store.observations import execute, query
from weather_pipeline.defs.weather import weather_definitions
from weather_pipeline.settings import load_settings

CHAIN = ("raw_weather_data", "weather_quality_check", "clean_weather_data", "weather_to_postgres")
EVERYTHING = (*CHAIN, "weather_near_towers")
HOUR = "2026-02-12-08:00"

TABLES = {
    "observations": "SELECT * FROM weather.observations ORDER BY location_id, observed_at",
    "quarantine": "SELECT * FROM weather.quarantine ORDER BY bronze_key, row_number, rule",
    "quarantine_hours": "SELECT hour, bronze_key FROM weather.quarantine_hours ORDER BY hour",
    "weather_near_towers": "SELECT * FROM weather.weather_near_towers ORDER BY tower_id, observed_at",
}


class Runs:
    """The product's own job, for one hour or a range of hours."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def run(
        self,
        *assets: str,
        hour: str = HOUR,
        until: str | None = None,
        on_retry: Callable[[], object] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run assets for an hour, or for all hours until another one (both partition keys).

        `on_retry` is called when a step has failed and waits for its next attempt.
        """
        job = weather_definitions(load_settings()).resolve_job_def("weather_hourly")
        run_id = dg.DagsterRun(job_name=job.name).run_id
        if on_retry is not None:
            heal = on_retry

            def listen(entry: dg.EventLogEntry) -> None:
                if entry.dagster_event and entry.dagster_event.is_step_up_for_retry:
                    heal()

            self.instance.add_event_listener(run_id, listen)
        span = {"dagster/asset_partition_range_start": hour, "dagster/asset_partition_range_end": until or hour}
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            run_id=run_id,
            tags=span if until else None,
            partition_key=None if until else hour,
            raise_on_error=False,
        )

    def failure(self, asset: str, hour: str = HOUR, until: str | None = None) -> tuple[str, int]:
        """An asset's failure in words, and how often it was tried again."""
        result = self.run(asset, hour=hour, until=until)
        assert not result.success
        return failure(result, asset), retries(result)


def failure(result: dg.ExecuteInProcessResult, asset: str) -> str:
    data = result.failure_data_for_node(asset)
    assert data is not None
    assert data.error is not None
    return data.error.to_string()


def retries(result: dg.ExecuteInProcessResult) -> int:
    return sum(event.is_step_up_for_retry for event in result.all_events)


def failed_checks(result: dg.ExecuteInProcessResult) -> dict[str, str | None]:
    """The asset checks that failed, with what they say."""
    return {check.check_name: check.description for check in result.get_asset_check_evaluations() if not check.passed}


def tables(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that runs leave in the warehouse and that does not tell when or by whom."""
    return {name: _without_load_time(name, query(url, statement)) for name, statement in TABLES.items()}


def versions(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """The same with each row's version, which every write changes, even one of the same values."""
    return {
        name: query(url, statement.replace("SELECT ", "SELECT xmin::text, ", 1)) for name, statement in TABLES.items()
    }


def empty(url: str) -> None:
    """Empty what runs fill."""
    execute(url, f"TRUNCATE weather.quality_metrics, {', '.join(f'weather.{name}' for name in TABLES)}")


def files(lake: Path) -> list[str]:
    """Every file in a local lake, hidden ones too."""
    return sorted(path.relative_to(lake).as_posix() for path in lake.rglob("*") if path.is_file())


def _without_load_time(table: str, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [row[:-1] for row in rows] if table == "observations" else rows
