"""What the exporter thinks in: frozen values of our own, free of Dagster's and OpenLineage's classes.

The flow is `reader` (Dagster's records → `LogEvent`) → `fold` (`LogEvent`s → `AssetRun`, `CheckRun`) → `events`
(→ OpenLineage). What definitions say about an asset is an `AssetInfo`, made by `catalog`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

AssetPath = tuple[str, ...]
"""An asset key's path: `("weather", "observations")`."""

Metadata = Mapping[str, Any]
"""Dagster metadata as plain Python values (see `translation.plain`)."""


class StorageUnavailable(Exception):
    """Dagster's own storage could not be read: a reason to try again, not to give an event up."""


class Origin(StrEnum):
    """Where what an event says was found."""

    DEFINITION = "definition"
    """The asset's definition in the code location."""
    METADATA = "metadata"
    """Metadata of a materialization, an observation or a check."""
    LOG = "log"
    """Dagster's event log: events, their times and their tags."""
    SETTINGS = "settings"
    """What the user gave the sensor."""
    HOOK = "hook"
    """A function of the user's own."""


@dataclass(frozen=True)
class Source:
    """Metadata with its origin; functions that take several ask them in order."""

    origin: Origin
    metadata: Metadata


class RunState(StrEnum):
    """The state of a run of an OpenLineage job; a terminal one is the type of its last event."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    ABORT = "ABORT"


@dataclass(frozen=True)
class DatasetRef:
    """A dataset's identity in OpenLineage."""

    namespace: str
    name: str


@dataclass(frozen=True)
class ColumnDep:
    """One upstream column that a column is made of."""

    asset: AssetPath
    column: str


@dataclass(frozen=True)
class Column:
    """One column of a table schema; `type` is the producer's own word."""

    name: str
    type: str
    description: str | None = None


@dataclass(frozen=True)
class AssetInfo:
    """What a code location's definitions say about one asset."""

    path: AssetPath
    description: str | None = None
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    group: str | None = None
    code_version: str | None = None
    metadata: Metadata = field(default_factory=dict)
    parents: tuple[AssetPath, ...] = ()
    is_external: bool = False
    is_executable: bool = True
    """Whether a step of this code location materializes or observes it."""
    output_required: bool = True


@dataclass(frozen=True)
class RunInfo:
    """The Dagster run around an asset's run."""

    run_id: str
    job_name: str
    created_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)
    location: str | None = None
    repository: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    """The run's configuration; it leaves only where the user allows it by name."""
    parent_run_id: str | None = None
    """The Dagster run that this one tries again."""

    @property
    def is_nameless(self) -> bool:
        """Whether Dagster made up the job (`__ASSET_JOB`, `__ephemeral_asset_job__`, …)."""
        return self.job_name.startswith("__")


@dataclass(frozen=True)
class StepError:
    """A failed step's own error, not Dagster's wrapper around it."""

    class_name: str | None
    message: str
    stack: str = ""


@dataclass(frozen=True)
class Materialization:
    """One materialization as the log holds it."""

    path: AssetPath
    at: datetime
    step: str | None
    partition: str | None = None
    metadata: Metadata = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Observation:
    """One observation of an asset as the log holds it: something was learnt about it, and nothing written."""

    path: AssetPath
    at: datetime
    step: str | None
    partition: str | None = None
    metadata: Metadata = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckResult:
    """One evaluation of an asset check."""

    path: AssetPath
    name: str
    passed: bool
    severity: str
    at: datetime
    step: str | None
    blocking: bool | None = None
    description: str | None = None
    partition: str | None = None
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """The run means to materialize an asset in a step."""

    path: AssetPath
    step: str
    partition: str | None = None


@dataclass(frozen=True)
class CheckPlanned:
    """The run means to evaluate a check in a step."""

    path: AssetPath
    name: str
    step: str


class StepPhase(StrEnum):
    """What happened to a step."""

    STARTED = "STARTED"
    RESTARTED = "RESTARTED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True)
class StepChange:
    """A step changed its phase."""

    step: str
    phase: StepPhase
    at: datetime
    error: StepError | None = None


@dataclass(frozen=True)
class RunStarted:
    """The Dagster run started."""

    at: datetime


@dataclass(frozen=True)
class RunEnded:
    """The Dagster run ended."""

    state: RunState
    at: datetime
    error: StepError | None = None
    inferred: bool = False
    """Concluded, not read from the log."""


LogEvent = Planned | CheckPlanned | StepChange | Materialization | Observation | CheckResult | RunStarted | RunEnded
"""One entry of a run's event log, as far as lineage cares."""


Reported = Materialization | Observation | CheckResult
"""What may be reported about an asset, in a run or without any."""


@dataclass(frozen=True)
class Partition:
    """One partition of an asset."""

    key: str
    dimensions: Mapping[str, str]
    """Its key in each dimension by the dimension's name; one that has none by the name `partition`."""


@dataclass(frozen=True)
class PartitionsRead:
    """The partitions of an upstream asset that a run read."""

    count: int
    listed: tuple[Partition, ...] = ()
    """All of them in the order of their keys; none where they are too many to be listed."""


@dataclass(frozen=True)
class Producer:
    """Who wrote, or observed, what a run read."""

    at: datetime
    dagster_run_id: str | None
    """None where it was reported without a run."""
    run: RunInfo | None
    """That Dagster run; None where it is not known any more."""
    observed: bool = False
    """Dagster knows the data by an observation, not by a materialization."""
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Read:
    """What a run read of one upstream asset."""

    path: AssetPath
    version: str | None
    """Dagster's data version; of several partitions a hash of theirs."""
    partitions: PartitionsRead | None = None
    """None where the asset has no partitions, or where the definitions don't say which were read."""
    producers: tuple[Producer, ...] = ()
    pointer: int | None = None
    """Storage id of the newest record that the asset had."""
    record: Materialization | None = None
    """The newest one that was read, where the reader's own Dagster run wrote it."""


@dataclass(frozen=True)
class AssetRun:
    """One run of one asset: what one OpenLineage run says."""

    run: RunInfo
    path: AssetPath
    started_at: datetime
    state: RunState
    ended_at: datetime | None = None
    materializations: tuple[Materialization, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    error: StepError | None = None
    partitions: tuple[str, ...] = ()
    """Those that were planned, and those that were written."""
    planned: tuple[str, ...] = ()
    """The partitions that were planned: known from the start."""
    step: str | None = None
    attempts: int = 1
    announced: bool = True
    """Whether START may go before the end: false where the output could turn out to be skipped."""
    inferred: bool = False
    """The end was concluded from the run's, not read from the step's own final event."""
    upstream: Mapping[AssetPath, tuple[Materialization, ...]] = field(default_factory=dict)
    """What the same Dagster run wrote of the assets that this one read."""


@dataclass(frozen=True)
class CheckRun:
    """All checks of one asset that one Dagster run evaluated on data it had: a run of the job `<asset>.checks`."""

    run: RunInfo
    path: AssetPath
    started_at: datetime
    ended_at: datetime
    checks: tuple[CheckResult, ...]
    state: RunState = RunState.COMPLETE
    """COMPLETE where all were evaluated, whatever they found; FAIL or ABORT where one could not be."""
    error: StepError | None = None


@dataclass(frozen=True)
class FailedStep:
    """A step that failed, and why."""

    key: str
    error: StepError
    assets: frozenset[AssetPath] = frozenset()
    """What it was to write or to check; nothing for an op without assets."""


@dataclass(frozen=True)
class JobRun:
    """One Dagster run as a run of its Dagster job."""

    run: RunInfo
    started_at: datetime
    state: RunState
    ended_at: datetime | None = None
    error: StepError | None = None
    """What the run itself says."""
    failed: tuple[FailedStep, ...] = ()
    """The steps that made it fail, in the order of their ends."""
    inferred: bool = False
    """The end was concluded from silence, not read from the log."""
