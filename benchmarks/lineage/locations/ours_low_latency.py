"""Our exporter in its low-latency mode."""

from typing import Any

from benchmarks.lineage.locations.workload import definitions
from weather_pipeline.lineage import build_openlineage_sensor

_SETTINGS: dict[str, Any] = {"low_latency": True}

defs = definitions(build_openlineage_sensor(namespace="bench", **_SETTINGS))
