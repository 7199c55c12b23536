"""Our exporter in its low-latency mode."""

from benchmarks.lineage.locations.workload import definitions
from weather_pipeline.lineage import build_openlineage_sensor

defs = definitions(build_openlineage_sensor(namespace="bench", low_latency=True))
