"""The fixed ports: free, the running stack's own, or somebody else's."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import psutil

from weather_pipeline.doctor.finding import Finding, listed, ok, problem
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.stack.plan import LineageTarget, StackOptions, port_needs
from weather_pipeline.stack.ports import Owner, PortNeed, free_offset, is_free, port_owner
from weather_pipeline.stack.process import STACK_ID
from weather_pipeline.stack.state import UP

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
    # Not by the number of the process: macOS tells only root who listens.
    own = {part.port for part in surroundings.stack.parts if part.state == UP}
    facts = _with_homes([_fact(need, ours=need.port in own) for need in needs])
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
    findings = []
    ours = [str(fact.need.port) for fact in facts if fact.ours]
    free = [str(fact.need.port) for fact in facts if fact.free]
    taken = [fact for fact in facts if not (fact.free or fact.ours)]
    if ours:
        findings.append(ok("ours", f"{listed(ours)} {_are(ours)} the running stack's"))
    if free:
        what = "not listened on: see the stack's parts" if running else "free"
        findings.append(ok("free", f"{listed(free)} {_are(free)} {what}"))
    if taken:
        move = "" if suggestion is None else command(f"up --port-offset {suggestion}")
        findings.append(_taken(taken, move, system))
    return findings


def _taken(facts: Sequence[PortFact], move: str, system: str) -> Finding:
    reasons = dict.fromkeys(_reason(fact, system) for fact in facts)
    stop = " ".join(dict.fromkeys(stop for _, stop in reasons))
    return problem(
        "taken",
        " ".join(f"Port {fact.need.port} ({fact.need.purpose}) is taken by {fact.owner}." for fact in facts),
        cause=" ".join(cause for cause, _ in reasons),
        remedy=f"{stop} Or move every port:" if move else stop,
        command=move,
    )


def _reason(fact: PortFact, system: str) -> tuple[str, str]:
    """Why a port is taken, and how to get it free."""
    if fact.other_home is not None:
        return (
            f"The stack of {fact.other_home} runs.",
            f"Stop it: `weather down --home {shlex.quote(fact.other_home)}`.",
        )
    airplay = fact.need.port in _AIRPLAY_PORTS and fact.owner.name in (None, "ControlCenter", "ControlCe")
    if system == "Darwin" and airplay:
        where = "System Settings, General, AirDrop & Handoff, AirPlay Receiver"
        return f"macOS's AirPlay Receiver has port {fact.need.port}.", f"Turn it off ({where})."
    return "Another program listens there.", "Stop it."


def _fact(need: PortNeed, *, ours: bool) -> PortFact:
    if ours:
        return PortFact(need, free=False, ours=True)
    return PortFact(need, free=True) if is_free(need.port) else PortFact(need, free=False, owner=port_owner(need.port))


def _with_homes(facts: Sequence[PortFact]) -> list[PortFact]:
    """The same, with the state directory of another stack that has a port: one of its parts knows it for all."""
    environments = [_environment(fact.owner) for fact in facts]
    stacks = [environment.get(STACK_ID, "") for environment in environments]
    known = zip(stacks, environments, strict=True)
    homes = {stack: found["WEATHER_HOME"] for stack, found in known if stack and found.get("WEATHER_HOME")}
    return [replace(fact, other_home=homes.get(stack)) for fact, stack in zip(facts, stacks, strict=True)]


def _environment(owner: Owner) -> dict[str, str]:
    """A process's environment, as far as this user may know."""
    try:
        return {} if owner.pid is None else psutil.Process(owner.pid).environ()
    except (psutil.Error, OSError):
        return {}


def _are(ports: list[str]) -> str:
    return "is" if len(ports) == 1 else "are"


CHECK = Check("ports", look)
