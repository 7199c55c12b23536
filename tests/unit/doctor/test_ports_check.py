"""Whose a port is, and the way out."""

from tests.unit.doctor import command, troubles
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.ports_check import PortFact, judge
from weather_pipeline.stack.ports import Owner, PortNeed

UI, API = PortNeed(3000, "Dagster UI"), PortNeed(5000, "lineage API")
FREE = PortFact(UI, free=True)
OURS = PortFact(UI, free=False, owner=Owner(1, "python"), ours=True)
TAKEN = PortFact(API, free=False, owner=Owner(7, "nginx"))
HIDDEN = PortFact(API, free=False)


def test_free_ones() -> None:
    (finding,) = judge([FREE, PortFact(API, free=True)], None, running=False, command=command)
    assert (finding.status, finding.found) == (Status.OK, "3000 and 5000 are free")


def test_our_own() -> None:
    (finding,) = judge([OURS], None, running=True, command=command)
    assert finding.found == "3000 is the running stack's"


def test_somebody_else_s_is_named_with_the_way_out() -> None:
    free, finding = judge([FREE, TAKEN], 200, running=False, command=command, system="Linux")
    assert troubles([free, finding]) == {"taken": Status.PROBLEM}
    assert finding.found == "Port 5000 (lineage API) is taken by nginx (pid 7)."
    assert finding.remedy == "Stop it. Or move every port:"
    assert finding.command == "weather up --port-offset 200"


def test_without_a_free_offset_there_is_no_command() -> None:
    (finding,) = judge([TAKEN], None, running=False, command=command, system="Linux")
    assert (finding.command, finding.remedy) == ("", "Stop it.")


def test_airplay_is_named_where_it_can_be() -> None:
    (finding,) = judge([HIDDEN], 100, running=False, command=command, system="Darwin")
    assert "AirPlay Receiver" in finding.cause
    assert finding.found == "Port 5000 (lineage API) is taken by another process."
    (finding,) = judge([HIDDEN], 100, running=False, command=command, system="Linux")
    assert "AirPlay" not in finding.cause
    (finding,) = judge([TAKEN], 100, running=False, command=command, system="Darwin")
    assert "AirPlay" not in finding.cause


def test_another_stack_s_ports_are_one_finding() -> None:
    facts = [PortFact(need, free=False, owner=Owner(7, "python"), other_home="/else where") for need in (UI, API)]
    (finding,) = judge(facts, 100, running=False, command=command)
    assert finding.cause == "The stack of /else where runs."
    assert finding.remedy == "Stop it: `weather down --home '/else where'`. Or move every port:"
    assert finding.found.count("is taken by") == 2
