"""The stack: what runs, and what an earlier one left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from weather_pipeline.doctor.finding import Finding, listed, ok, problem, skipped, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import StackError
from weather_pipeline.stack import process
from weather_pipeline.stack.state import UP, read_state, state_file
from weather_pipeline.stack.status import NOT_RUNNING, StackStatus, stack_status


@dataclass(frozen=True)
class StackFacts:
    """What was found.

    Attributes:
        status: What runs.
        state_file: The file in which a stack says what it has; None where there is none.
        orphans: Processes of a stack whose supervisor is gone: name and number.
    """

    status: StackStatus
    state_file: Path | None = None
    orphans: tuple[str, ...] = ()


def look(surroundings: Surroundings) -> Outcome:
    """Look at the stack of the state directory."""
    home = surroundings.settings.home
    try:
        state, status = read_state(home), stack_status(home)
    except StackError as error:
        return Outcome([_unreadable(error, home)])
    except PermissionError as error:
        return Outcome([_closed(error, home)])
    orphans: tuple[str, ...] = ()
    if state is not None and status.supervisor is None:
        orphans = tuple(_named(each) for each in process.members(state.stack_id))
        orphans += tuple(f"postgres ({part.pid})" for part in status.parts if _is_left_server(part.name, part.state))
    return Outcome(judge(StackFacts(status, state_file(home) if state else None, orphans), surroundings.command))


def judge(facts: StackFacts, command: Callable[[str], str]) -> list[Finding]:
    """What to say of the stack."""
    status = facts.status
    if status.supervisor is None and facts.orphans:
        return [
            problem(
                "leftovers",
                f"An earlier stack's processes still run: {listed(list(facts.orphans))}.",
                cause="Its supervisor was killed before it could stop them. They keep ports, memory and the database.",
                remedy="Stop them (the next start does so too):",
                command=command("down"),
            )
        ]
    if status.state == NOT_RUNNING:
        if facts.state_file is None:
            return [skipped("stack", f"not running ({status.home})")]
        return [
            warning(
                "leftovers",
                f"{facts.state_file} is of a stack that runs no more.",
                cause="The stack was killed, or the machine was switched off.",
                remedy="None needed: the next start cleans up. To do it now:",
                command=command("down"),
            )
        ]
    bad = [part for part in status.parts if part.state != UP]
    if status.state == UP and not bad:
        alone = f"the lineage service alone, at {status.lineage}"
        what = alone if status.lineage_alone else f"weather from {status.source}"
        return [ok("stack", f"up, all {len(status.parts)} parts answer; {what} ({status.home})")]
    if not bad:
        return [warning("stack", f"The stack is {status.state}.", cause="Somebody just asked it to.", remedy="Wait.")]
    return [
        problem(
            "parts",
            f"{listed([f'{part.name} is {part.state}' for part in bad])} (the stack is {status.state}).",
            cause=f"Their logs say why: {listed([part.log for part in bad])}.",
            remedy="A part that died is started again by itself. Where one stays away, start the stack again:",
            command=command("down"),
        )
    ]


def _unreadable(error: StackError, home: Path) -> Finding:
    return problem(
        "state",
        str(error),
        cause="The file was damaged, or another version of the program wrote it.",
        remedy="Stop what runs by hand, then remove it:",
        command=f"rm {state_file(home)}",
    )


def _closed(error: PermissionError, home: Path) -> Finding:
    return problem(
        "state",
        f"The state directory {home} can't be looked into: {error.strerror}.",
        cause="It, or a directory on the way to it, belongs to another user.",
        remedy="Become that user, or name a directory of yours (--home, WEATHER_HOME).",
    )


def _named(member: psutil.Process) -> str:
    """A process's part of the stack, and its number."""
    try:
        return f"{member.environ().get(process.STACK_PART) or member.name()} ({member.pid})"
    except (psutil.Error, OSError):  # it ended meanwhile
        return f"process {member.pid}"


def _is_left_server(name: str, state: str) -> bool:
    return name == "postgres" and state != "dead"


CHECK = Check("stack", look)
