"""Two pytest plugins: one judges what each test of the matrix delivers, in every run; one prints what was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

from tests.collector import Collector
from tests.conformance.judge import Verdict, judge
from tests.conformance.matrix import EXPECTED, shape_of

_PROPERTY = "conformance"
_WIDTH = 88


class Conformance:
    """Fails a test of the matrix that delivers an event which is not valid, or lacks a kind of event that it should."""

    def __init__(self) -> None:
        self._heard: dict[int, list[dict[str, Any]]] = {}
        """Backend → its events: what one backend was told is one story."""

    def hear(self, collector: Collector, event: dict[str, Any]) -> None:
        """Keep an accepted event."""
        self._heard.setdefault(id(collector), []).append(event)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Begin anew: what a fixture delivers belongs to the first test that asks for it."""
        self._heard.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Judge the test's events once it has passed."""
        result = yield
        shape = shape_of(item)
        if expected := EXPECTED.get(shape):
            verdict = Verdict()
            for events in self._heard.values():
                verdict.add(judge(events))
            verdict.findings += [f"no {kind} was delivered" for kind in sorted(expected.difference(verdict.events))]
            item.user_properties.append((_PROPERTY, verdict.to_json()))
            if verdict.findings:
                pytest.fail("\n".join(verdict.findings), pytrace=False)
        return result


class Account:
    """Prints what was judged, and fails the session where a shape of the matrix was not seen."""

    def __init__(self) -> None:
        self.shapes: dict[str, Verdict] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a test's verdict; parameters, such as the storage, are one shape."""
        for name, value in report.user_properties if report.when == "call" else ():
            if name == _PROPERTY:
                self.shapes.setdefault(shape_of(report), Verdict()).add(Verdict.from_json(str(value)))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Part of the matrix is no conformance."""
        if self._unseen(session.config):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what was seen and found."""
        write = terminalreporter.write_line
        whole = Verdict()
        terminalreporter.section("conformance")
        write(f"{'shape':<{_WIDTH}} {'runs':>6} {'events':>7} {'findings':>9}")
        for shape, verdict in sorted(self.shapes.items()):
            whole.add(verdict)
            write(f"{shape[:_WIDTH]:<{_WIDTH}} {_counts(verdict)}")
        write(f"{f'all {len(self.shapes)} shapes':<{_WIDTH}} {_counts(whole)}")
        write("events: " + ", ".join(f"{number} {kind}" for kind, number in sorted(whole.events.items())))
        for part in sorted({part for part, _ in whole.facets}):
            keys = sorted((key, number) for (where, key), number in whole.facets.items() if where == part)
            write(f"{part} facets: " + ", ".join(f"{key} {number}" for key, number in keys))
        for finding, number in sorted(Counter(whole.findings).items()):
            write(f"{number} x {finding}", red=True)
        for shape in self._unseen(terminalreporter.config):
            write(f"not seen: {shape}", red=True)

    def _unseen(self, config: pytest.Config) -> list[str]:
        """The shapes that should have been seen; all may be missing where somebody asked for some."""
        return [] if config.option.keyword else sorted(EXPECTED.keys() - self.shapes)


def _counts(verdict: Verdict) -> str:
    return f"{verdict.runs:>6} {verdict.events.total():>7} {len(verdict.findings):>9}"
