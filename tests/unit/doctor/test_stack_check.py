"""What runs, and what was left behind."""

from pathlib import Path

from tests.unit.doctor import command, troubles
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.stack_check import StackFacts, judge
from weather_pipeline.stack.status import DEGRADED, NOT_RUNNING, PartStatus, StackStatus

FILE = Path("/h/stack.json")
PART = PartStatus("daemon", 7, None, "up", 1.0, "/h/logs/daemon.log")
DEAD = PartStatus("page", 8, 5001, "dead", 0.0, "/h/logs/page.log")


def test_nothing_there() -> None:
    (finding,) = judge(StackFacts(StackStatus(NOT_RUNNING, "/h")), command)
    assert finding.status is Status.SKIPPED


def test_up() -> None:
    up = StackStatus("up", "/h", 1, 0, "replay", "x", (PART,))
    (finding,) = judge(StackFacts(up, FILE), command)
    assert (finding.status, finding.found) == (Status.OK, "up, all 1 parts answer; weather from replay (/h)")


def test_the_lineage_service_alone() -> None:
    parts = tuple(PartStatus(name, 7, 5000, "up", 1.0, f"/h/logs/{name}.log") for name in ("postgres", "lineage"))
    alone = StackStatus("up", "/h", 1, 0, "auto", "http://127.0.0.1:5050", parts, lineage_alone=True)
    (finding,) = judge(StackFacts(alone, FILE), command)
    assert finding.found == "up, all 2 parts answer; the lineage service alone, at http://127.0.0.1:5050 (/h)"


def test_starting() -> None:
    assert troubles(judge(StackFacts(StackStatus("starting", "/h", 1), FILE), command)) == {"stack": Status.WARNING}


def test_a_part_is_dead() -> None:
    status = StackStatus(DEGRADED, "/h", 1, parts=(PART, DEAD))
    (finding,) = judge(StackFacts(status, FILE), command)
    assert troubles([finding]) == {"parts": Status.PROBLEM}
    assert "page is dead" in finding.found
    assert "/h/logs/page.log" in finding.cause


def test_only_the_file_is_left() -> None:
    assert troubles(judge(StackFacts(StackStatus(NOT_RUNNING, "/h"), FILE), command)) == {"leftovers": Status.WARNING}


def test_processes_are_left() -> None:
    facts = StackFacts(StackStatus(DEGRADED, "/h", parts=(PART,)), FILE, ("daemon (7)",))
    (finding,) = judge(facts, command)
    assert troubles([finding]) == {"leftovers": Status.PROBLEM}
    assert "daemon (7)" in finding.found
    assert finding.command == "weather down"
