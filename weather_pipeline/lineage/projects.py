"""A Dagster project from outside its daemon: its definitions, its instance, and the exporter's sensor in both.

A code location is named as Dagster's own commands have it: a module or a Python file, else what `[tool.dagster]` or
`[tool.dg.project]` of the directory's `pyproject.toml` says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from weather_pipeline.lineage import dagster_internals as internals
from weather_pipeline.lineage.answers import Sink
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.deadletters import DeadLetters
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.progress import Progress
from weather_pipeline.lineage.scope import Scope
from weather_pipeline.lineage.sensor import OpenLineageSensorDefinition
from weather_pipeline.lineage.sinks.way import Way, way_to


class ProjectError(Exception):
    """A project, its instance or its sensor can't be used; says why and what to do."""


@dataclass(frozen=True)
class Target:
    """Where the definitions of a code location are; one of module, file and autoloaded module."""

    module: str | None = None
    python_file: str | None = None
    autoload_module: str | None = None
    attribute: str | None = None
    working_directory: str | None = None
    location: str | None = None
    """The code location's name, where the project gives it one."""

    @property
    def location_name(self) -> str:
        """The code location's name: the given one, else what Dagster makes of module or file."""
        named = self.module or self.autoload_module or Path(self.python_file or "").name
        return self.location or (f"{named}:{self.attribute}" if self.attribute else named)

    def __str__(self) -> str:
        return self.module or self.autoload_module or self.python_file or ""


@dataclass(frozen=True)
class SensorState:
    """What the instance knows about the sensor."""

    location: str
    running: bool
    cursor: str | None = None
    ticked_at: datetime | None = None
    """When it was last evaluated."""
    tick_error: str | None = None
    """Why that evaluation failed."""


@dataclass(frozen=True)
class Project:
    """A code location with the exporter's sensor, on an instance."""

    instance: dg.DagsterInstance
    repository: dg.RepositoryDefinition
    sensor: OpenLineageSensorDefinition
    location: str

    @property
    def options(self) -> Options:
        """What the user chose for the sensor."""
        return self.sensor.options

    @property
    def scope(self) -> Scope:
        """The repository that the sensor stands in."""
        return Scope(self.location, self.repository.name)

    @property
    def letters(self) -> DeadLetters:
        """What was refused for good of what the sensor tells."""
        return DeadLetters(self.instance, self.scope, self.sensor.name)

    @cached_property
    def sink(self) -> Sink:
        """Where the sensor's events go.

        Raises:
            ProjectError: OpenLineage's configuration can't be used.
        """
        try:
            return self.sensor.open_sink()
        except Exception as error:  # (whatever a transport raises for its configuration)
            raise ProjectError(
                f"The OpenLineage configuration can't be used: {type(error).__name__}: {error}"
            ) from error

    def way(self, url: str | None = None) -> Way:
        """The way that events take to the backend at an address, by default to the first.

        Raises:
            ProjectError: OpenLineage's configuration can't be used, or switches lineage off.
        """
        way = way_to(self.sink, url)
        if way.closed_by:
            raise ProjectError(f"Lineage is switched off by {way.closed_by}: nothing can be sent, nor compared.")
        return way

    def builder(self) -> EventBuilder:
        """Builds the events that the sensor would; one for each piece of work, because it remembers what it read."""
        scope = None if self.sensor.monitor_all_code_locations else self.scope
        return EventBuilder(RepositoryCatalog(self.repository, self.instance), self.options, scope)

    def state(self) -> SensorState:
        """What the instance knows about the sensor now."""
        return _sensor_state(self.instance, self.sensor, self.location)

    def progress(self) -> Progress | None:
        """How far the sensor has come; None before its first evaluation.

        Raises:
            ProjectError: The sensor's cursor is not one of this exporter.
        """
        try:
            return Progress.load(self.state().cursor)
        except ValueError as error:
            raise ProjectError(str(error)) from error


def named_target(
    *, module: str | None, python_file: str | None, attribute: str | None, working_directory: str | None
) -> Target | None:
    """The code location that options name; None where they name none.

    Raises:
        ProjectError: The options contradict each other.
    """
    if module and python_file:
        raise ProjectError("A module (-m) and a Python file (-f) exclude each other.")
    if not module and not python_file:
        if attribute:
            raise ProjectError("An attribute (-a) needs a module (-m) or a Python file (-f) that has it.")
        return None
    return Target(module, python_file, None, attribute, working_directory or str(Path.cwd()))


def project_targets(directory: Path) -> list[Target]:
    """The code locations that a directory's `pyproject.toml` names; none where it names none.

    Raises:
        ProjectError: The file can't be read.
    """
    file = directory / "pyproject.toml"
    try:
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise ProjectError(f"{file} can't be read: {error}") from error
    here = str(directory)
    dagster, project = tool.get("dagster", {}), tool.get("dg", {}).get("project", {})
    name = dagster.get("code_location_name")
    if "module_name" in dagster:
        return [Target(dagster["module_name"], working_directory=here, location=name)]
    if "modules" in dagster:
        return [Target(each["name"], working_directory=here, location=name) for each in dagster["modules"]]
    return [_dg_target(project, here)] if project.get("root_module") else []


def _dg_target(project: Mapping[str, Any], here: str) -> Target:
    root, name = project["root_module"], project.get("code_location_name")
    if project.get("autoload_defs"):
        module = project.get("defs_module", f"{root}.defs")
        return Target(autoload_module=module, working_directory=here, location=name)
    module = project.get("code_location_target_module", f"{root}.definitions")
    return Target(module, working_directory=here, location=name)


@contextmanager
def open_project(
    targets: Sequence[Target], *, sensor: str | None = None, location: str | None = None
) -> Iterator[Project]:
    """A project on the instance of `DAGSTER_HOME`.

    Args:
        targets: The code locations in which the sensor is looked for.
        sensor: The sensor's name, where there are several.
        location: The code location's name in the instance, where it isn't the one that Dagster would give it.

    Raises:
        ProjectError: No instance, definitions that can't be loaded, or not exactly one sensor; says what to do.
    """
    if not targets:
        raise ProjectError(
            f"No code location: {Path.cwd()} has no pyproject.toml with [tool.dagster] or [tool.dg.project]. "
            "Name one: -m MODULE or -f FILE."
        )
    with _instance() as instance:
        found = [
            (target, repository, each)
            for target in targets
            for repository in load_repositories(target)
            for each in _sensors(repository)
            if sensor in (None, each.name)
        ]
        target, repository, chosen = _only(found, targets, sensor)
        known = location or _known_location(instance, chosen.name, target.location_name)
        yield Project(instance, repository, chosen, known)


def load_repositories(target: Target) -> list[dg.RepositoryDefinition]:
    """The repositories of a code location, loaded as Dagster's code server loads them.

    Raises:
        ProjectError: They can't be loaded.
    """
    try:
        return internals.load_repositories(
            module_name=target.module,
            python_file=target.python_file,
            autoload_defs_module_name=target.autoload_module,
            attribute=target.attribute,
            working_directory=target.working_directory,
        )
    except Exception as error:  # (the user's own code runs)
        cause = error.__cause__ or error
        raise ProjectError(f"The definitions of {target} can't be loaded: {type(cause).__name__}: {cause}") from error


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    try:
        instance = dg.DagsterInstance.get()
    except Exception as error:  # (a storage's driver, YAML, a directory that is not there)
        raise ProjectError(
            f"No Dagster instance: {error}\nSet DAGSTER_HOME to the directory with the dagster.yaml that your daemon "
            "uses (an absolute path)."
        ) from error
    with instance:
        yield instance


def _sensors(repository: dg.RepositoryDefinition) -> list[OpenLineageSensorDefinition]:
    sensors = internals.sensors_of(repository)
    return [sensor for sensor in sensors if isinstance(sensor, OpenLineageSensorDefinition)]


_Found = tuple[Target, dg.RepositoryDefinition, OpenLineageSensorDefinition]


def _only(found: Sequence[_Found], targets: Sequence[Target], sensor: str | None) -> _Found:
    if len(found) == 1:
        return found[0]
    where = ", ".join(map(str, targets))
    if not found:
        wanted = f"no OpenLineage sensor named {sensor!r}" if sensor else "no OpenLineage sensor"
        raise ProjectError(f"{where} has {wanted}. Add build_openlineage_sensor(…) to its definitions' sensors.")
    names = ", ".join(sorted(each.name for _, _, each in found))
    raise ProjectError(f"{where} has several OpenLineage sensors: {names}. Choose one: --sensor NAME.")


def _known_location(instance: dg.DagsterInstance, sensor: str, expected: str) -> str:
    """The name under which the instance knows the sensor's code location: a workspace may give it another."""
    known = {record.location for record in internals.sensor_records(instance, sensor)}
    if not known or expected in known:
        return expected
    if len(known) > 1:
        raise ProjectError(
            f"The instance knows the sensor {sensor!r} in several code locations, and none is {expected!r}: "
            f"{', '.join(sorted(known))}. Choose one: --location NAME."
        )
    return known.pop()


def _sensor_state(instance: dg.DagsterInstance, sensor: OpenLineageSensorDefinition, location: str) -> SensorState:
    saved = next((s for s in internals.sensor_records(instance, sensor.name) if s.location == location), None)
    if saved is None:
        return SensorState(location, running=sensor.default_status is dg.DefaultSensorStatus.RUNNING)
    at = datetime.fromtimestamp(saved.ticked_at, UTC) if saved.ticked_at else None
    return SensorState(location, saved.running, saved.cursor, at, saved.tick_error)
