"""The rival's sensor with its defaults, told to send assets: every 300 s, 30 records."""

import importlib

from benchmarks.lineage.locations.workload import definitions

# It is only there in an environment of its own.
defs = definitions(importlib.import_module("dagster_openlineage").openlineage_sensor(include_asset_events=True))
