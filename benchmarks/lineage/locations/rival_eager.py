"""The rival's sensor as eager as it can be: as often as the daemon looks, with more records than there will be."""

import importlib

from benchmarks.lineage.locations.workload import definitions

defs = definitions(
    # It is only there in an environment of its own.
    importlib.import_module("dagster_openlineage").openlineage_sensor(
        include_asset_events=True, minimum_interval_seconds=5, record_filter_limit=1000
    )
)
