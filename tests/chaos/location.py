"""The code location of the storm: four assets in a diamond and the exporter's sensor with its defaults."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import dagster as dg

from weather_pipeline.lineage import build_openlineage_sensor

NAMESPACE = "chaos"
EDGES = {("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")}
WORK_SECONDS = 0.1


def _asset(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name, deps=sorted(upstream for upstream, downstream in EDGES if downstream == name))
    def body() -> None:
        time.sleep(WORK_SECONDS)

    return body


ASSETS = [_asset(name) for name in "abcd"]
SENSOR = build_openlineage_sensor(namespace=NAMESPACE, since=datetime(2020, 1, 1, tzinfo=UTC))
JOB = dg.define_asset_job("diamond", executor_def=dg.in_process_executor)
defs = dg.Definitions(assets=ASSETS, jobs=[JOB], sensors=[SENSOR])
