"""A code location of two assets, to try the stack without the weather."""

import time

import dagster as dg

hours = dg.HourlyPartitionsDefinition(start_date="2026-01-01-00:00")
ranges = dg.BackfillPolicy.multi_run(max_partitions_per_run=24)


@dg.asset(partitions_def=hours, backfill_policy=ranges)
def first(context: dg.AssetExecutionContext) -> None:
    context.log.info("%s partitions", len(context.partition_keys))


@dg.asset(partitions_def=hours, backfill_policy=ranges, deps=[first])
def second(context: dg.AssetExecutionContext) -> None:
    if context.run.tags.get("tiny/fail"):
        raise ValueError("the second asset was told to fail")
    time.sleep(float(context.run.tags.get("tiny/sleep", "0")))


defs = dg.Definitions(
    assets=[first, second],
    jobs=[dg.define_asset_job("weather_hourly", selection=dg.AssetSelection.all())],
)
