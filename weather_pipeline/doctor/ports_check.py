"""The fixed ports: free, the running stack's own, or somebody else's."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from weather_pipeline.doctor.finding import Finding, listed, ok, problem
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.stack.plan import LineageTarget, StackOptions, port_needs
from weather_pipeline.stack.ports import Owner, PortNeed, free_offset, is_free, port_owner

_AIRPLAY_PORTS = (5000, 7000)


@dataclass(frozen=True)
class PortFact:
    """One port as it is.

    Attributes:
        need: The port and what for.
        free: Whether a server can have it.
        owner: Who has it, as far as this user may see.
        ours: Whether that is a part of this directory's stack.
        other_home: The state directory of another stack that has it.
    """

    need: PortNeed
    free: bool
    owner: Owner = field(default_factory=Owner)
    ours: bool = False
    other_home: str | None = None


def look(surroundings: Surroundings) -> Outcome:
    """Look at the ports that a stack has or would take."""
    offset = surroundings.port_offset
    settings = surroundings.settings.model_copy(update={"port_offset": offset})
    try:
        lineage = surroundings.lineage
    except ConfigurationError:  # the backend's check says so
        lineage = LineageTarget(None, embedded=False, reason="")
    needs = port_needs(StackOptions(settings=settings, lineage=lineage))
    own = {part.pid for part in surroundings.stack.parts}
    facts = [_fact(need, own) for need in needs]
    taken = any(not (fact.free or fact.ours) for fact in facts)
    suggestion = free_offset([need.port - offset for need in needs]) if taken else None
    return Outcome(judge(facts, suggestion, running=surroundings.running, command=surroundings.command))


def judge(
    facts: Sequence[PortFact],
    suggestion: int | None,
    *,
    running: bool,
    command: Callable[[str], str],
    system: str = platform.system(),
) -> list[Finding]:
    """What to say of the ports.

    Args:
        facts: The ports.
        suggestion: An offset at which all of them are free.
        running: Whether a stack of this directory runs.
        command: Makes a `weather` command.
        system: The operating system, as `platform.system` names it.
    """
    findings = [_taken(fact, suggestion, command, system) for fact in facts if not (fact.free or fact.ours)]
    ours = [str(fact.need.port) for fact in facts if fact.ours]
    free = [str(fact.need.port) for fact in facts if fact.free]
    if ours:
        findings.append(ok("ours", f"{listed(ours)} {_are(ours)} the running stack's"))
    if free and not running:
        findings.append(ok("free", f"{listed(free)} {_are(free)} free"))
    elif free:
        findings.append(ok("free", f"{listed(free)} {_are(free)} not listened on: see the stack's parts"))
    return findings


def _taken(fact: PortFact, suggestion: int | None, command: Callable[[str], str], system: str) -> Finding:
    need, owner = fact.need, fact.owner
    found = f"Port {need.port} ({need.purpose}) is taken by {owner}."
    remedy = "Stop it"
    if fact.other_home is not None:
        cause = f"The stack of {fact.other_home} has it."
    elif system == "Darwin" and need.port in _AIRPLAY_PORTS and owner.name in (None, "ControlCenter", "ControlCe"):
        cause = "macOS's AirPlay Receiver has this port."
        remedy = "Turn it off (System Settings, General, AirDrop & Handoff, AirPlay Receiver)"
    else:
        cause = "Another program listens there."
    if suggestion is None:
        return problem(str(need.port), found, cause=cause, remedy=f"{remedy}.")
    move = command(f"up --port-offset {suggestion}")
    return problem(str(need.port), found, cause=cause, remedy=f"{remedy}, or move every port:", command=move)


def _fact(need: PortNeed, own: set[int]) -> PortFact:
    if is_free(need.port):
        return PortFact(need, free=True)
    owner = port_owner(need.port)
    ours = owner.pid in own
    return PortFact(need, free=False, owner=owner, ours=ours, other_home=None if ours else _home_of(owner))


def _home_of(owner: Owner) -> str | None:
    """The state directory of the stack that a process belongs to, if it does and this user may know."""
    try:
        return (owner.pid and psutil.Process(owner.pid).environ().get("WEATHER_HOME")) or None
    except (psutil.Error, OSError):
        return None


def _are(ports: list[str]) -> str:
    return "is" if len(ports) == 1 else "are"


CHECK = Check("ports", look)
