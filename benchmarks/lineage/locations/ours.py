"""Our exporter with its defaults. Where to is said by `OPENLINEAGE_URL`."""

from benchmarks.lineage.locations.workload import definitions
from weather_pipeline.lineage import build_openlineage_sensor

defs = definitions(build_openlineage_sensor(namespace="bench"))
