"""Which Dagster runs a sensor tells, and which parts of those that no code location launched.

A run knows the repository that launched it, and that one's sensor tells it. What a script or a command launched
(`dg.materialize`, `dagster asset materialize`, `execute_in_process`) knows none, so the sensors of all code locations
see it: each tells what its own definitions know, else two would give one thing two names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from weather_pipeline.lineage.model import AssetInfo, AssetPath, RunInfo
from weather_pipeline.lineage.runlog import RunLog


@dataclass(frozen=True)
class Scope:
    """The repository of a code location: what it launches, its sensor tells."""

    location: str
    repository: str

    def has(self, run: RunInfo) -> bool:
        """Whether something of a run may be told: the repository launched it, or none did."""
        return run.location is None or (run.location, run.repository) == (self.location, self.repository)


NOWHERE = Scope("", "")
"""Outside any code location, as a sensor that is evaluated by hand."""


class Defined(Protocol):
    """What definitions know."""

    def get(self, path: AssetPath) -> AssetInfo | None:
        """What the definitions say about an asset; None where they don't know it."""
        ...

    def has_check(self, path: AssetPath, name: str) -> bool:
        """Whether the definitions have an asset check."""
        ...

    def has_job(self, name: str) -> bool:
        """Whether the definitions have a job."""
        ...


@dataclass(frozen=True)
class Share:
    """What of a run a sensor tells.

    Of a run without a code location: what was planned, where it is defined to be executed; what a step logged without
    a plan, where it is defined at all, or where the run's job is told.
    """

    log: RunLog
    run: RunInfo
    defined: Defined
    is_whole: bool

    @cached_property
    def job(self) -> bool:
        """Whether the Dagster run itself is told."""
        if self.is_whole:
            return True
        if not self.run.is_nameless:
            return self.defined.has_job(self.run.job_name)
        return any(map(self._executes, self.log.plans)) or any(
            self.defined.has_check(*check) for check in self.log.planned_checks
        )

    def asset(self, path: AssetPath) -> bool:
        """Whether an asset's run, or an observation of it, is told."""
        if self.is_whole or self._executes(path):
            return True
        return path not in self.log.plans and self._is_loose(path)

    def check(self, path: AssetPath, name: str) -> bool:
        """Whether a check of an asset is told."""
        if self.is_whole or self.defined.has_check(path, name):
            return True
        return (path, name) not in self.log.planned_checks and self._is_loose(path)

    def _executes(self, path: AssetPath) -> bool:
        info = self.defined.get(path)
        return info is not None and info.is_executable

    def _is_loose(self, path: AssetPath) -> bool:
        return self.defined.get(path) is not None or self.job
