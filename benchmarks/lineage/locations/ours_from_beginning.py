"""Our exporter, which begins with the oldest run there is: for a backlog."""

from datetime import UTC, datetime

from benchmarks.lineage.locations.workload import definitions
from weather_pipeline.lineage import build_openlineage_sensor

defs = definitions(build_openlineage_sensor(namespace="bench", since=datetime(2020, 1, 1, tzinfo=UTC)))
