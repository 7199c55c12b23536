"""The workload: four assets in a diamond, in one job of one process. Imports Dagster alone: the rival loads it too."""

from __future__ import annotations

import time
from typing import Any

import dagster as dg

JOB = "diamond"
WORK_SECONDS = 0.2
"""What each asset takes: a run takes about a second."""

EDGES = frozenset({("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")})
"""(upstream, downstream), as the assets declare them."""

ASSETS = ("a", "b", "c", "d")


def _asset(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name, deps=sorted(upstream for upstream, downstream in EDGES if downstream == name))
    def body() -> dg.MaterializeResult[Any]:
        time.sleep(WORK_SECONDS)
        columns = [dg.TableColumn("station", "string"), dg.TableColumn("temperature", "double")]
        return dg.MaterializeResult(
            metadata={"dagster/row_count": 1000, "dagster/column_schema": dg.TableSchema(columns=columns)}
        )

    return body


def definitions(*sensors: dg.SensorDefinition) -> dg.Definitions:
    """The assets and their job, with the exporter's sensor where it has one."""
    job = dg.define_asset_job(JOB, executor_def=dg.in_process_executor)
    return dg.Definitions(assets=[_asset(name) for name in ASSETS], jobs=[job], sensors=sensors)
