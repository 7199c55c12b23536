"""The environment that the running stack's parts were started with: what others need to work beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psutil

from weather_pipeline.errors import StackError
from weather_pipeline.settings import Settings, variables
from weather_pipeline.stack.plan import CODE_SERVER, DAEMON, LINEAGE, WEBSERVER
from weather_pipeline.stack.process import STACK_ID, STACK_PART
from weather_pipeline.stack.state import StackState, command_for, read_state

_OURS = ("WEATHER_", "MARQUEZ_", "OPENLINEAGE", "DAGSTER_HOME")
_SETTINGS = tuple(variables(field) for field in Settings.model_fields)
"""The names of each setting: some begin otherwise."""
_NOT_SHARED = frozenset({STACK_ID, STACK_PART, "WEATHER_SCHEDULE"})
"""The marks by which `weather down` ends processes; and one schedule is enough."""


def dagster_environment(home: Path) -> dict[str, str]:
    """The variables of the running stack's Dagster that concern this project, passwords included.

    Asked of the process itself: nothing but the process knows all that it was given, and it tells its owner only.

    Raises:
        StackError: No Dagster of this directory's stack runs, or it is another user's. Says what runs in its place.
    """
    state = read_state(home)
    parts = _running(state)
    process = next((parts[name] for name in (WEBSERVER, DAEMON, CODE_SERVER) if name in parts), None)
    if process is None:
        raise StackError(_without_dagster(home, state, parts))
    shared = shared_variables(_environment(process, home))
    if LINEAGE in parts:
        # The default says the same; set, it would tell the next `weather up` of this shell that Marquez is elsewhere.
        shared.pop("MARQUEZ_URL", None)
    return shared


def shared_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a part of the stack that concern this project, but for what is its own."""
    settings = {name for names in _SETTINGS for name in names}
    ours = {name for name in environment if name.startswith(_OURS) or name in settings}
    return {name: environment[name] for name in ours - _NOT_SHARED}


def joined(own: Mapping[str, str], stack: Mapping[str, str]) -> dict[str, str]:
    """Variables, and a stack's where a setting has none of its own: by whichever of its names."""
    set_here = {name for names in _SETTINGS if any(map(own.get, names)) for name in names}
    return {**own, **{name: value for name, value in stack.items() if name not in set_here and not own.get(name)}}


def lineage_database(home: Path) -> str:
    """The database of the lineage service that runs for a state directory, alone or in a stack; password included.

    Raises:
        StackError: None runs there, or it is another user's.
    """
    state = read_state(home)
    parts = _running(state)
    if LINEAGE in parts:
        return _environment(parts[LINEAGE], home)["WEATHER_LINEAGE_DATABASE_URL"]
    if state is not None and parts:
        raise StackError(
            f"The stack of {home} runs without a lineage service at this moment (`{command_for(home, 'status')}`): its "
            f"lineage goes to {state.lineage}"
        )
    raise StackError(
        f"No lineage service runs for {home}: start it with `{command_for(home, 'lineage serve')}`, or all of the "
        f"stack with `{command_for(home, 'up')}`"
    )


def _running(state: StackState | None) -> dict[str, psutil.Process]:
    """The parts that run, by name."""
    found = {part.name: part.identity.process() for part in state.parts} if state else {}
    return {name: process for name, process in found.items() if process is not None}


def _environment(process: psutil.Process, home: Path) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error as error:
        raise StackError(f"The stack of {home} can't be asked: {error}") from error


def _without_dagster(home: Path, state: StackState | None, parts: dict[str, psutil.Process]) -> str:
    """What to say to those who want a Dagster."""
    up = command_for(home, "up")
    if state is None or not parts:
        return f"The stack of {home} does not run. Start it with: {up}"
    if state.lineage_alone:
        return (
            f"Of {home} the lineage service runs alone (`weather lineage serve`), without Dagster and a warehouse: its "
            f"API is {state.lineage}, and `{command_for(home, 'psql --lineage')}` opens its database. For all of the "
            f"stack stop it with `{command_for(home, 'down')}`, then start: {up}"
        )
    return (
        f"Of the stack of {home} no Dagster runs at this moment, only {', '.join(parts)} (it is {state.phase}): "
        f"`{command_for(home, 'status')}` shows its parts and their logs."
    )
