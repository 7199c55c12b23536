"""A code location with work of every shape, importable by other processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

DAILY = dg.DailyPartitionsDefinition("2026-11-01")
COUNTRIES = dg.StaticPartitionsDefinition(["be", "nl"])
GRID = dg.MultiPartitionsDefinition({"country": COUNTRIES, "day": DAILY})
CUSTOMERS = dg.DynamicPartitionsDefinition(name="customers")
WARN = dg.AssetCheckSeverity.WARN


@dg.asset
def plain() -> None: ...


@dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run(), deps=[plain])
def daily() -> None: ...


@dg.asset(partitions_def=COUNTRIES)
def static() -> None: ...


@dg.asset(partitions_def=GRID)
def grid() -> None: ...


@dg.asset(partitions_def=CUSTOMERS)
def dynamic() -> None: ...


@dg.multi_asset(specs=[dg.AssetSpec(name, skippable=True) for name in ("left", "right")], can_subset=True)
def both(context: dg.AssetExecutionContext) -> Iterator[Any]:
    for key in sorted(context.selected_asset_keys):
        yield dg.MaterializeResult(key)


@dg.multi_asset(specs=[dg.AssetSpec("made"), dg.AssetSpec("missed")], retry_policy=dg.RetryPolicy(max_retries=1))
def half(context: dg.AssetExecutionContext) -> Iterator[Any]:
    yield dg.MaterializeResult("made", metadata={"dagster/row_count": context.retry_number})
    raise RuntimeError(f"attempt {context.retry_number}")


@dg.multi_asset(specs=[dg.AssetSpec("early"), dg.AssetSpec("late")], retry_policy=dg.RetryPolicy(max_retries=1))
def second_try(context: dg.AssetExecutionContext) -> Iterator[Any]:
    yield dg.MaterializeResult("early")
    if context.retry_number == 0:
        raise RuntimeError("not yet")
    yield dg.MaterializeResult("late")


@dg.op(out=dg.DynamicOut())
def fan() -> Iterator[Any]:
    for key in ("x", "y"):
        yield dg.DynamicOutput(key, mapping_key=key)


@dg.op
def note(context: dg.OpExecutionContext, key: str) -> str:
    context.log_event(dg.AssetMaterialization("mapped", partition=key))
    return key


@dg.op
def gather(keys: list[str]) -> int:
    return len(keys)


@dg.graph_asset
def fanned() -> Any:
    return gather(fan().map(note).collect())


@dg.job
def dynamic_job() -> None:
    gather(fan().map(note).collect())


@dg.op(out={"yes": dg.Out(is_required=False), "no": dg.Out(is_required=False)})
def branch() -> Iterator[Any]:
    yield dg.Output(1, "yes")


@dg.op
def log_taken(context: dg.OpExecutionContext, _: int) -> None:
    context.log_event(dg.AssetMaterialization("taken"))


@dg.op
def log_not_taken(context: dg.OpExecutionContext, _: int) -> None:
    context.log_event(dg.AssetMaterialization("not_taken"))


@dg.job
def branching_job() -> None:
    yes, no = branch()
    log_taken(yes)
    log_not_taken(no)


@dg.op
def nothing() -> None: ...


@dg.job
def job_without_assets() -> None:
    nothing()


@dg.op
def breaks() -> None:
    raise ValueError("one reason")


@dg.op
def breaks_too() -> None:
    raise KeyError("another")


@dg.job
def broken_job() -> None:
    breaks()
    breaks_too()


@dg.asset
def checked() -> None: ...


@dg.asset(deps=[checked])
def guarded() -> None: ...


@dg.asset_check(asset=checked, blocking=True)
def gate() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, description="too few rows")


@dg.asset
def judged() -> None: ...


@dg.asset_check(asset=judged)
def worth_a_warning() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=WARN)


@dg.asset_check(asset=judged)
def worth_an_error() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


@dg.asset
def misjudged() -> None: ...


@dg.asset_check(asset=misjudged)
def cannot_tell() -> dg.AssetCheckResult:
    raise RuntimeError("no connection to judge by")


@dg.asset(output_required=False)
def sometimes() -> Iterator[Any]:
    if False:
        yield dg.Output(None)


@dg.asset(deps=[sometimes])
def after_sometimes() -> None: ...


@dg.asset
def sound() -> None: ...


@dg.asset(deps=[sound], config_schema={"marker": str})
def fails_once(context: dg.AssetExecutionContext) -> None:
    marker = Path(context.op_execution_context.op_config["marker"])
    if not marker.exists():
        marker.touch()
        raise RuntimeError("the first run fails")


@dg.asset(deps=[fails_once])
def downstream() -> None: ...


@dg.asset(config_schema={"begun": str, "go": str})
def waits(context: dg.AssetExecutionContext) -> None:
    """Materializes only after somebody has let it."""
    config = context.op_execution_context.op_config
    Path(config["begun"]).touch()
    while not Path(config["go"]).exists():
        pass


CHECKS = [gate, worth_a_warning, worth_an_error, cannot_tell]
ASSETS = [
    *(plain, daily, static, grid, dynamic, both, half, second_try, fanned, checked, guarded, judged, misjudged),
    *(sometimes, after_sometimes, sound, fails_once, downstream, waits),
]
JOBS = [dynamic_job, branching_job, job_without_assets, broken_job]
RETRIED = dg.define_asset_job("retried", ["sound", "fails_once", "downstream"], executor_def=dg.in_process_executor)
WAITING = dg.define_asset_job("waiting", ["waits"], executor_def=dg.multiprocess_executor)

known = dg.Definitions(assets=ASSETS, asset_checks=CHECKS)
"""What the exporter's code location defines; jobs are not needed."""
defs = dg.Definitions(assets=ASSETS, asset_checks=CHECKS, jobs=[*JOBS, RETRIED, WAITING])


def retried_job() -> dg.JobDefinition:
    """The job whose first run fails, for other processes and executions."""
    return defs.resolve_job_def("retried")


def waiting_job() -> dg.JobDefinition:
    """The job that waits, for other processes."""
    return defs.resolve_job_def("waiting")
