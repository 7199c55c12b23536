"""Run ids that anyone can compute again: the same (Dagster run, asset) always has the same OpenLineage run id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

CHECKS = ".checks"
"""What the job of an asset's own checks adds to the asset's name."""

JOB = ".job"
"""What the job that a Dagster job is adds to the Dagster job's name."""


def run_id_for(dagster_run_id: str, created_at: datetime, path: Sequence[str], *, part: str = "") -> str:
    """The OpenLineage run id of an asset in a Dagster run.

    A UUIDv7 (RFC 9562, section 5.7) whose time is the Dagster run's creation time in milliseconds and whose other
    bits are a hash of the Dagster run id and the asset key: resending, a second exporter or a replay yields the same.

    Args:
        dagster_run_id: The Dagster run's id.
        created_at: When the Dagster run was created, timezone-aware. Milliseconds count: storages differ below them.
        path: The asset key's path.
        part: Another job of the same asset in the same run, such as `.checks`.
    """
    from openlineage.client.uuid import generate_static_uuid

    instant = created_at.replace(microsecond=created_at.microsecond // 1000 * 1000)
    # No name that may be sent holds a control character: the asset `a.checks` is not the checks of `a`.
    data = "\0".join((dagster_run_id, *path)) + (f"\1{part}" if part else "")
    return str(generate_static_uuid(instant, data.encode()))


def job_run_id(dagster_run_id: str, created_at: datetime) -> str:
    """The OpenLineage run id of a Dagster run as a run of its Dagster job.

    Args:
        dagster_run_id: The Dagster run's id.
        created_at: When the Dagster run was created, timezone-aware.
    """
    return run_id_for(dagster_run_id, created_at, (), part=JOB)


def asset_run_id(context: Any, path: Sequence[str] | None = None) -> str:
    """The OpenLineage run id of the asset that is being materialized, inside its step.

    Lets work that the step starts elsewhere (Spark, dbt) name the run that the exporter will send.

    Args:
        context: An `AssetExecutionContext`.
        path: The asset key's path, in a step that materializes several assets; else the step's own asset.

    Raises:
        ValueError: The step materializes several assets, and none was named.
        LookupError: The instance does not know the run (as in a directly invoked asset function).
    """
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None:
        raise LookupError(f"Dagster run {context.run.run_id!r} is not in the instance's storage.")
    return run_id_for(context.run.run_id, record.create_timestamp, path or _only_asset(context))


def _only_asset(context: Any) -> Sequence[str]:
    keys = sorted(context.selected_asset_keys)
    if len(keys) != 1:
        names = ", ".join(key.to_user_string() for key in keys)
        raise ValueError(f"This step materializes {names}: say which one is meant, as asset_run_id(context, path).")
    return keys[0].path
