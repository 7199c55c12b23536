"""Runs checks side by side, in bounded time. What goes wrong with a check is itself a finding."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from weather_pipeline.doctor.checks import CHECKS, CLOCK, HEAR_CLOCKS, NAMES, SETTINGS
from weather_pipeline.doctor.clock import clock_findings
from weather_pipeline.doctor.finding import Finding, Status, problem, skipped
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings

_PATIENCE = 30.0
"""Seconds for all checks together. Each has time-outs of its own, but a resolver or a dead disk has none."""


@dataclass(frozen=True)
class Report:
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...]

    def count(self, status: Status) -> int:
        """How many findings are so."""
        return sum(finding.status is status for finding in self.findings)

    @property
    def healthy(self) -> bool:
        """Whether there is no problem; warnings don't count."""
        return self.count(Status.PROBLEM) == 0


def examine(
    surroundings: Surroundings,
    names: Collection[str] = NAMES,
    *,
    checks: Sequence[Check] = CHECKS,
    waiting: Callable[[Sequence[str]], object] = lambda names: None,  # noqa: ARG005  (shows nothing)
    patience: float = _PATIENCE,
) -> Report:
    """Run checks.

    Args:
        surroundings: Where to look.
        names: Which checks to show, and the settings where they can't be read; the clock's runs those that hear other
            clocks too.
        checks: All that there are.
        waiting: Told which checks still run, whenever one has ended.
        patience: Seconds for all of them together.
    """
    if surroundings.unreadable is not None and any(each.needs_settings for each in checks if each.name in names):
        names = {*names, SETTINGS}  # what the others can't be looked at for is itself the answer
    wanted = {*names, *(HEAR_CLOCKS if CLOCK in names else ())}
    outcomes = _outcomes([check for check in checks if check.name in wanted], surroundings, waiting, patience)
    if CLOCK in names:
        heard = {reading.source: reading for outcome in outcomes.values() for reading in outcome.readings}
        readings = list(heard.values())
        outcomes[CLOCK] = _guarded(CLOCK, lambda: Outcome(clock_findings(readings)), surroundings)
    return Report(
        tuple(
            replace(finding, check=name)
            for name, outcome in outcomes.items()
            if name in names
            for finding in outcome.findings
        )
    )


def _outcomes(
    checks: Sequence[Check],
    surroundings: Surroundings,
    waiting: Callable[[Sequence[str]], object],
    patience: float,
) -> dict[str, Outcome]:
    """What each check brings, in their order."""
    done: queue.SimpleQueue[tuple[str, Outcome]] = queue.SimpleQueue()
    outcomes: dict[str, Outcome | None] = {check.name: None for check in checks}

    def run(check: Check) -> None:
        done.put((check.name, _run(check, surroundings)))

    for check in checks:
        # A thread that hangs must not keep the command from ending, so no pool, which would wait for it.
        threading.Thread(target=run, args=(check,), name=f"doctor-{check.name}", daemon=True).start()
    deadline = time.monotonic() + patience
    while left := [name for name, outcome in outcomes.items() if outcome is None]:
        waiting(left)
        try:
            name, outcome = done.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        outcomes[name] = outcome
    return {name: outcome or _hanging(name, patience) for name, outcome in outcomes.items()}


def _run(check: Check, surroundings: Surroundings) -> Outcome:
    if check.needs_settings and surroundings.unreadable is not None:
        return Outcome([skipped(check.name, "not looked at before the settings can be read")])
    return _guarded(check.name, lambda: check.run(surroundings), surroundings)


def _guarded(name: str, run: Callable[[], Outcome], surroundings: Surroundings) -> Outcome:
    try:
        return run()
    except Exception as error:  # noqa: BLE001  (a doctor that fails is of no use)
        words = surroundings.without_secrets(" ".join(str(error).split()))
        return Outcome(
            [
                problem(
                    name,
                    f"The check itself failed: {type(error).__name__}: {words}",
                    cause="Something that this check does not know, or an error in it.",
                    remedy="Look at it by hand, and report it with the output of `weather doctor --json`.",
                )
            ]
        )


def _hanging(name: str, patience: float) -> Outcome:
    return Outcome(
        [
            problem(
                name,
                f"The check did not end within {patience:.0f} s.",
                cause="Something it asks neither answers nor refuses: a name server, a network drive, a full machine.",
                remedy="Look again; where it stays so, try what the check looks at by hand.",
            )
        ]
    )
