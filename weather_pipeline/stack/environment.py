"""The environment that the running stack's Dagster was started with: what another Dagster needs to work beside it."""

from __future__ import annotations

from pathlib import Path

import psutil

from weather_pipeline.errors import StackError
from weather_pipeline.stack.plan import CODE_SERVER, DAEMON, LINEAGE, WEBSERVER
from weather_pipeline.stack.process import STACK_ID, STACK_PART
from weather_pipeline.stack.state import read_state

_OURS = ("WEATHER_", "MARQUEZ_", "OPENLINEAGE", "DAGSTER_HOME")
_NOT_SHARED = frozenset({STACK_ID, STACK_PART, "WEATHER_SCHEDULE"})
"""The marks by which `weather down` ends processes; and one schedule is enough."""


def dagster_environment(home: Path) -> dict[str, str]:
    """The variables of the running stack's Dagster that concern this project, passwords included.

    Asked of the process itself: nothing but the process knows all that it was given, and it tells its owner only.

    Raises:
        StackError: No Dagster of this directory's stack runs, or it is another user's.
    """
    state = read_state(home)
    parts = {part.name: part.identity.process() for part in state.parts} if state else {}
    process = next((parts[name] for name in (WEBSERVER, DAEMON, CODE_SERVER) if parts.get(name)), None)
    if process is None:
        raise StackError(f"The stack of {home} does not run. Start it with: weather up")
    try:
        environment = process.environ()
    except psutil.Error as error:
        raise StackError(f"The stack of {home} can't be asked: {error}") from error
    shared = {name: value for name, value in environment.items() if name.startswith(_OURS) and name not in _NOT_SHARED}
    if LINEAGE in parts:
        # The default says the same; set, it would tell the next `weather up` of this shell that Marquez is elsewhere.
        shared.pop("MARQUEZ_URL", None)
    return shared
