"""What the exporter uses of Dagster beyond its public surface: here alone, and looked at when it is imported.

Dagster may change these parts in any release. Where one is missing, the code location says so when it loads, with the
versions that have it; otherwise a tick would fail in the middle with a traceback.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import DagsterEvent, DagsterInstance

if TYPE_CHECKING:
    from dagster._core.definitions.run_request import DagsterRunReaction
    from dagster._core.definitions.sensor_definition import SensorType
    from dagster_shared.error import SerializableErrorInfo

__all__ = [
    "SUPPORTED",
    "DagsterRunReaction",
    "SensorType",
    "SerializableErrorInfo",
    "UnsupportedDagster",
    "asset_graph",
    "check_evaluation",
    "check_partition",
    "load_repositories",
    "location_of_run",
    "location_of_sensor",
    "log_cursor",
    "log_position",
    "mapped_partitions",
    "materialization",
    "observation",
    "planned_check",
    "planned_materialization",
    "run_error",
    "run_records",
    "saved_values",
    "sensor_records",
    "sensor_settings",
    "sensors_of",
    "step_failure",
    "store_values",
]

SUPPORTED = ">=1.11,<1.14"
"""The releases of Dagster on whose oldest and newest the exporter's tests run; the package's own dependency."""


class UnsupportedDagster(ImportError):
    """The installed Dagster lacks a part that the exporter needs."""

    def __init__(self, part: str) -> None:
        """Say what is missing in which version, and which versions have it."""
        super().__init__(
            f"Dagster {dg.__version__} has no {part}, which the OpenLineage exporter needs. It is made for Dagster "
            f"{SUPPORTED}: install one of these (pip install 'dagster{SUPPORTED}'), or a newer weather-pipeline."
        )


def _part(name: str, *modules: str) -> Any:
    """A class of Dagster's, from the first of the modules that has it.

    Raises:
        UnsupportedDagster: None has.
    """
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise UnsupportedDagster(f"{modules[0]}.{name}")


if not TYPE_CHECKING:
    DagsterRunReaction = _part("DagsterRunReaction", "dagster._core.definitions.run_request")
    SensorType = _part("SensorType", "dagster._core.definitions.sensor_definition")
    SerializableErrorInfo = _part("SerializableErrorInfo", "dagster_shared.error")

_GRAPHS = ("dagster._core.definitions.assets.graph.asset_graph", "dagster._core.definitions.asset_graph")  # 1.12, 1.11
_ASSET_NODE = frozenset(
    {
        "code_version",
        "description",
        "group_name",
        "is_executable",
        "is_external",
        "kinds",
        "metadata",
        "owners",
        "partitions_def",
        "tags",
    }
)

ATTRIBUTES: Mapping[type, frozenset[str]] = {
    DagsterEvent: frozenset(
        {
            "asset_check_evaluation_data",
            "asset_materialization_planned_data",
            "asset_observation_data",
            "event_specific_data",
            "job_failure_data",
            "step_failure_data",
            "step_materialization_data",
        }
    ),
    DagsterInstance: frozenset({"all_instigator_state", "daemon_cursor_storage", "get_records_for_run", "get_ticks"}),
    dg.DagsterRun: frozenset({"remote_job_origin"}),
    dg.RepositoryDefinition: frozenset({"asset_graph", "sensor_defs"}),
    dg.SensorEvaluationContext: frozenset({"code_location_origin"}),
}
"""Attributes of public classes that are not public themselves: read in this module alone."""


def check_attributes(needed: Mapping[type, Iterable[str]]) -> None:
    """Look at whether classes have the attributes that are read of them.

    Raises:
        UnsupportedDagster: One is missing; names it.
    """
    for owner, names in needed.items():
        for name in sorted(names):
            if not hasattr(owner, name):
                raise UnsupportedDagster(f"{owner.__name__}.{name}")


check_attributes(
    {
        **ATTRIBUTES,
        _part("AssetNode", *_GRAPHS): _ASSET_NODE,
        _part("AssetGraph", *_GRAPHS): {"asset_check_keys", "get", "get_partition_mapping", "has"},
    }
)


@dataclass(frozen=True)
class Location:
    """Where a run was defined."""

    name: str | None = None
    repository: str | None = None


def location_of_run(run: dg.DagsterRun) -> Location:
    """The code location and repository of a run; neither for one that a script started."""
    origin = run.remote_job_origin
    return Location(origin.location_name, origin.repository_origin.repository_name) if origin else Location()


def location_of_sensor(context: dg.SensorEvaluationContext) -> str | None:
    """The code location that a sensor is evaluated in; None outside the daemon."""
    origin = context.code_location_origin
    return origin.location_name if origin else None


def sensor_settings(instance: DagsterInstance) -> Mapping[str, Any]:
    """How the daemon evaluates sensors (`use_threads`, `num_workers`), as dagster.yaml has it."""
    return instance.get_sensor_settings() or {}


def asset_graph(repository: dg.RepositoryDefinition) -> Any:
    """The assets that a code location defines, with `has(key)` and `get(key)`."""
    return repository.asset_graph


@dataclass(frozen=True)
class MappedPartitions:
    """The partitions of an upstream asset that partitions of an asset depend on."""

    count: int
    keys: Mapping[str, Mapping[str, str]]
    """Key → dimension → key; empty where there are too many."""


def mapped_partitions(
    repository: dg.RepositoryDefinition,
    instance: DagsterInstance,
    *,
    child: dg.AssetKey,
    parent: dg.AssetKey,
    partitions: Sequence[str],
    at: datetime,
    limit: int,
) -> MappedPartitions | None:
    """By the asset graph's partition mapping, as of a time; None where the parent has no partitions.

    Raises:
        Exception: Whatever partition definitions and mappings of the user's own raise.
    """
    graph = asset_graph(repository)
    reader, read = graph.get(child).partitions_def, graph.get(parent).partitions_def
    if read is None or (reader is not None and not partitions):
        return None
    result = graph.get_partition_mapping(child, parent).get_upstream_mapped_partitions_result_for_partitions(
        reader.subset_with_partition_keys(partitions) if reader is not None else None,
        reader,
        read,
        current_time=at,
        dynamic_partitions_store=instance,
    )
    subset = result.partitions_subset
    count = len(subset)
    keys = sorted(subset.get_partition_keys()) if count <= limit else []
    return MappedPartitions(count, {str(key): _dimensions(read, key) for key in keys})


def _dimensions(definition: Any, key: str) -> Mapping[str, str]:
    if not isinstance(definition, dg.MultiPartitionsDefinition):
        return {"partition": key}
    whole = key if isinstance(key, dg.MultiPartitionKey) else definition.get_partition_key_from_str(key)
    return dict(whole.keys_by_dimension)


def run_records(
    instance: DagsterInstance,
    run_id: str,
    *,
    cursor: str | None,
    of_type: set[dg.DagsterEventType] | None,
    limit: int,
    ascending: bool = True,
) -> Any:
    """A page of a run's own log, oldest or newest first, with `records`, `cursor` and `has_more`.

    Without types also what the run's own code logged.
    """
    looked_at = _schemas_looked_at(instance, run_id)
    looked_at.add(run_id)
    try:
        return instance.get_records_for_run(run_id, cursor=cursor, of_type=of_type, limit=limit, ascending=ascending)
    except Exception:
        looked_at.discard(run_id)
        raise


def log_cursor(storage_id: int) -> str:
    """The cursor of a run's log after a storage id."""
    return _part("EventLogCursor", "dagster._core.event_api").from_storage_id(storage_id).to_string()


def log_position(cursor: str) -> int:
    """The storage id that a cursor of a run's log stands after."""
    return _part("EventLogCursor", "dagster._core.event_api").parse(cursor).storage_id()


def _schemas_looked_at(instance: DagsterInstance, run_id: str) -> set[str]:
    """The runs whose file the default SQLite storage has looked at for its tables; a set of no use with others.

    It looks at each run's file once, and loads all its migrations to do so: 60 ms a run, more than all else that a run
    costs. A run that has started wrote its file with this schema or one that Dagster itself has migrated.
    """
    storage = instance.event_log_storage
    looked_at, path_of = getattr(storage, "_initialized_dbs", None), getattr(storage, "path_for_shard", None)
    if not isinstance(looked_at, set) or path_of is None:
        return set()
    try:
        return looked_at if Path(path_of(run_id)).stat().st_size else set()
    except OSError:
        return set()


def planned_materialization(event: DagsterEvent) -> Any:
    """The `asset_key` and `partition` that a run means to materialize."""
    return event.asset_materialization_planned_data


def materialization(event: DagsterEvent) -> dg.AssetMaterialization:
    """What was materialized."""
    return event.step_materialization_data.materialization


def planned_check(event: DagsterEvent) -> Any:
    """The `asset_key` and `check_name` that a run means to evaluate."""
    return event.event_specific_data


def observation(event: DagsterEvent) -> dg.AssetObservation:
    """What was observed."""
    return event.asset_observation_data.asset_observation


def check_evaluation(event: DagsterEvent) -> dg.AssetCheckEvaluation:
    """The result of an asset check."""
    return event.asset_check_evaluation_data


def check_partition(evaluation: dg.AssetCheckEvaluation) -> str | None:
    """The partition that a check looked at; the first releases supported keep none."""
    return getattr(evaluation, "partition", None)


def step_failure(event: DagsterEvent) -> Any:
    """The `error`, `error_source` and `user_failure_data` of a failed step."""
    return event.step_failure_data


def run_error(event: DagsterEvent) -> SerializableErrorInfo | None:
    """The error that ended a run, where Dagster recorded one."""
    return event.job_failure_data.error if event.event_specific_data else None


def store_values(instance: DagsterInstance, values: Mapping[str, str]) -> None:
    """Keep values in the small key-value table that every storage of Dagster has, the daemon's cursors."""
    # One key at a time: where one of several exists, SQLite's storage updates that one and drops the others.
    for key, value in values.items():
        instance.daemon_cursor_storage.set_cursor_values({key: value})


def saved_values(instance: DagsterInstance, keys: Iterable[str]) -> Mapping[str, str]:
    """The values kept under these keys; a key without one is left out."""
    return instance.daemon_cursor_storage.get_cursor_values(set(keys))


def sensors_of(repository: dg.RepositoryDefinition) -> Sequence[dg.SensorDefinition]:
    """The sensors that a code location defines."""
    return repository.sensor_defs


@dataclass(frozen=True)
class SensorRecord:
    """What an instance has stored about a sensor that its daemon knows."""

    location: str
    running: bool
    cursor: str | None
    ticked_at: float | None
    """When the last evaluation that ended began, seconds since the epoch."""
    tick_error: str | None
    """Why the last evaluation failed."""


def sensor_records(instance: DagsterInstance, name: str) -> list[SensorRecord]:
    """What the instance has stored about the sensors of this name, one for each code location that has one."""
    sensors = _part("InstigatorType", "dagster._core.definitions.run_request").SENSOR
    return [
        _sensor_record(instance, state)
        for state in instance.all_instigator_state(instigator_type=sensors)
        if state.instigator_name == name
    ]


def _sensor_record(instance: DagsterInstance, state: Any) -> SensorRecord:
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
    return SensorRecord(
        location=state.repository_selector.location_name,
        running=state.is_running,
        cursor=state.instigator_data.cursor if state.instigator_data else None,
        ticked_at=state.instigator_data.last_tick_timestamp if state.instigator_data else None,
        tick_error=ticks[0].error.message if ticks and ticks[0].error else None,
    )


def load_repositories(
    *,
    module_name: str | None = None,
    python_file: str | None = None,
    autoload_defs_module_name: str | None = None,
    attribute: str | None = None,
    working_directory: str | None = None,
) -> list[dg.RepositoryDefinition]:
    """The repositories of a code location, loaded as Dagster's code server loads them; whatever user code raises."""
    origin = _part("LoadableTargetOrigin", "dagster._core.types.loadable_target_origin")(
        module_name=module_name,
        python_file=python_file,
        autoload_defs_module_name=autoload_defs_module_name,
        attribute=attribute,
        working_directory=working_directory,
    )
    with warnings.catch_warnings():
        # What user code should hear, it hears from its code server.
        warnings.simplefilter("ignore")
        loaded = _part("LoadedRepositories", "dagster._grpc.server")(origin, None, ["dagster"], None)
    return list(loaded.definitions_by_name.values())
