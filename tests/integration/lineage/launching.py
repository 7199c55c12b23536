"""Two code locations for Dagster's own daemons to launch: `defs` and `neighbours`."""

import dagster as dg

DAYS = dg.StaticPartitionsDefinition(["mon", "tue"])


@dg.asset(metadata={"dagster/uri": "s3://ours/shared"})
def shared() -> None: ...


@dg.asset
def by_schedule() -> None: ...


@dg.asset
def by_sensor() -> None: ...


@dg.asset(partitions_def=DAYS)
def by_backfill() -> None: ...


@dg.asset(automation_condition=dg.AutomationCondition.missing() & ~dg.AutomationCondition.in_progress())
def by_automation() -> None: ...


@dg.asset
def never_launched() -> None: ...


scheduled = dg.define_asset_job("scheduled", ["by_schedule", "shared"])
sensed = dg.define_asset_job("sensed", ["by_sensor"])


@dg.schedule(cron_schedule="* * * * *", job=scheduled)
def every_minute() -> dg.RunRequest:
    return dg.RunRequest()


@dg.sensor(job=sensed)
def watcher() -> dg.RunRequest:
    return dg.RunRequest(run_key="once")


ASSETS = [shared, by_schedule, by_sensor, by_backfill, by_automation, never_launched]
defs = dg.Definitions(
    assets=ASSETS,
    jobs=[scheduled, sensed],
    schedules=[every_minute],
    sensors=[watcher],
    executor=dg.in_process_executor,
)

theirs = dg.AssetSpec("shared", metadata={"dagster/uri": "s3://theirs/shared"})


@dg.multi_asset(specs=[theirs])
def shared_by_others() -> None: ...


@dg.schedule(cron_schedule="* * * * *", job=dg.define_asset_job("scheduled", ["shared"]))
def their_minute() -> dg.RunRequest:
    return dg.RunRequest()


neighbours = dg.Definitions(assets=[shared_by_others], schedules=[their_minute], executor=dg.in_process_executor)
