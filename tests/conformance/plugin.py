"""A pytest plugin: keeps every event that a `Collector` accepted, judges each test's at the end, prints a table."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.collector import Collector
from tests.conformance.judge import Verdict, judge

_WIDTH = 88


class Conformance:
    """The events of every test, and what is found in them."""

    def __init__(self) -> None:
        self.shape = ""
        self.accepted: dict[tuple[str, int], list[dict[str, Any]]] = {}
        """(test, backend) → its events: what one backend was told is one story."""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Remember which test the next events belong to; parameters, such as the storage, are one shape."""
        self.shape = f"{item.path.stem}::{getattr(item, 'originalname', None) or item.name}"

    def hear(self, collector: Collector, event: dict[str, Any]) -> None:
        """Keep an accepted event."""
        self.accepted.setdefault((self.shape, id(collector)), []).append(event)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge all of it: findings fail the session, and so does a session without events."""
        self.verdicts = [(shape, judge(events)) for (shape, _), events in self.accepted.items()]
        if any(verdict.findings for _, verdict in self.verdicts) or not self.verdicts:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what was seen and found."""
        write = terminalreporter.write_line
        shapes: dict[str, Verdict] = {}
        for shape, verdict in self.verdicts:
            _add(shapes.setdefault(shape, Verdict()), verdict)
        whole = Verdict()
        terminalreporter.section("conformance")
        write(f"{'shape':<{_WIDTH}} {'runs':>6} {'events':>7} {'findings':>9}")
        for shape, verdict in sorted(shapes.items()):
            _add(whole, verdict)
            write(f"{shape[:_WIDTH]:<{_WIDTH}} {_counts(verdict)}")
        write(f"{f'all {len(shapes)} shapes':<{_WIDTH}} {_counts(whole)}")
        write("events: " + ", ".join(f"{number} {kind}" for kind, number in sorted(whole.events.items())))
        for part in sorted({part for part, _ in whole.facets}):
            keys = sorted((key, number) for (where, key), number in whole.facets.items() if where == part)
            write(f"{part} facets: " + ", ".join(f"{key} {number}" for key, number in keys))
        for finding, number in sorted(Counter(whole.findings).items()):
            write(f"{number} x {finding}", red=True)


def _add(whole: Verdict, part: Verdict) -> None:
    whole.events += part.events
    whole.facets += part.facets
    whole.runs += part.runs
    whole.findings += part.findings


def _counts(verdict: Verdict) -> str:
    return f"{verdict.runs:>6} {verdict.events.total():>7} {len(verdict.findings):>9}"


def pytest_configure(config: pytest.Config) -> None:
    """Listen to every backend of the session."""
    conformance = Conformance()
    config.pluginmanager.register(conformance, "conformance")
    Collector.listeners.append(conformance.hear)
