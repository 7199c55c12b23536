"""The fixed ports: free, the running stack's own, or somebody else's."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from weather_pipeline.doctor.finding import Finding, listed, ok, problem, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.stack.plan import LineageTarget, StackOptions, port_needs
from weather_pipeline.stack.ports import HOST, Owner, PortNeed, free_offset, is_free, port_owner
from weather_pipeline.stack.probes import is_lineage_api
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
        is_lineage: Whether a lineage API answers there that is none of ours.
    """

    need: PortNeed
    free: bool
    owner: Owner = field(default_factory=Owner)
    ours: bool = False
    is_lineage: bool = False


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
    facts = [_fact(need, ours=need.port in own, may_be_lineage=need.port == settings.lineage_port) for need in needs]
    taken = any(not (fact.free or fact.ours) for fact in facts)
    suggestion = free_offset([need.port - offset for need in needs]) if taken else None
    running, alone = surroundings.running, surroundings.stack.lineage_alone
    return Outcome(judge(facts, suggestion, running=running, alone=alone, command=surroundings.command))


def judge(
    facts: Sequence[PortFact],
    suggestion: int | None,
    *,
    running: bool,
    alone: bool = False,
    command: Callable[[str], str],
    system: str = platform.system(),
) -> list[Finding]:
    """What to say of the ports.

    Args:
        facts: The ports.
        suggestion: An offset at which all of them are free.
        running: Whether a stack of this directory runs.
        alone: Whether that is the lineage service alone, which takes no other port.
        command: Makes a `weather` command.
        system: The operating system, as `platform.system` names it.
    """
    findings = []
    ours = [str(fact.need.port) for fact in facts if fact.ours]
    free = [str(fact.need.port) for fact in facts if fact.free]
    taken = [fact for fact in facts if not (fact.free or fact.ours)]
    if ours:
        whose = "the lineage service's, which runs alone" if alone else "the running stack's"
        findings.append(ok("ours", f"{listed(ours)} {_are(ours)} {whose}"))
    if free:
        what = "not listened on: see the stack's parts" if running and not alone else "free"
        findings.append(ok("free", f"{listed(free)} {_are(free)} {what}"))
    if taken:
        move = "" if suggestion is None else command(f"up --port-offset {suggestion}")
        services = all(fact.is_lineage for fact in taken)
        findings.append(_by_lineage(taken[0], command) if services else _taken(taken, move, system))
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


def _by_lineage(fact: PortFact, command: Callable[[str], str]) -> Finding:
    """A service that a stack can use in place of its own."""
    return warning(
        "lineage",
        f"Port {fact.need.port} ({fact.need.purpose}) is taken by {fact.owner}, which answers as a lineage API.",
        cause=f"The stack of {fact.owner.home} runs."
        if fact.owner.home
        else "`weather lineage serve` runs on another database, or a Marquez.",
        remedy=f"{fact.owner.remedy}, move every port (`{command('up --port-offset N')}`), or send the lineage there:",
        command=f"export MARQUEZ_URL=http://localhost:{fact.need.port}",
    )


def _reason(fact: PortFact, system: str) -> tuple[str, str]:
    """Why a port is taken, and how to get it free."""
    if fact.owner.home is not None:
        return f"The stack of {fact.owner.home} runs.", f"{fact.owner.remedy}."
    airplay = fact.need.port in _AIRPLAY_PORTS and fact.owner.name in (None, "ControlCenter", "ControlCe")
    if system == "Darwin" and airplay:
        where = "System Settings, General, AirDrop & Handoff, AirPlay Receiver"
        return f"macOS's AirPlay Receiver has port {fact.need.port}.", f"Turn it off ({where})."
    return "Another program listens there.", "Stop it."


def _fact(need: PortNeed, *, ours: bool, may_be_lineage: bool) -> PortFact:
    if ours:
        return PortFact(need, free=False, ours=True)
    if is_free(need.port):
        return PortFact(need, free=True)
    is_lineage = may_be_lineage and is_lineage_api(f"http://{HOST}:{need.port}")
    return PortFact(need, free=False, owner=port_owner(need.port), is_lineage=is_lineage)


def _are(ports: list[str]) -> str:
    return "is" if len(ports) == 1 else "are"


CHECK = Check("ports", look)
