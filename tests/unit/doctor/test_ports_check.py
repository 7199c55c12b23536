"""Whose a port is, and the way out."""

from dataclasses import replace

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
    facts = [PortFact(need, free=False, owner=Owner(7, "python", "/else where")) for need in (UI, API)]
    (finding,) = judge(facts, 100, running=False, command=command)
    assert finding.cause == "The stack of /else where runs."
    assert finding.remedy == "Stop it with `weather down --home '/else where'`. Or move every port:"
    assert finding.found.count("is taken by") == 2


def test_the_service_that_runs_alone_takes_no_other_port() -> None:
    api = PortFact(API, free=False, owner=Owner(1, "python"), ours=True)
    ours, free = judge([FREE, api], None, running=True, alone=True, command=command)
    assert ours.found == "5000 is the lineage service's, which runs alone"
    assert free.found == "3000 is free"


def test_a_lineage_service_of_others_can_be_used() -> None:
    service = PortFact(API, free=False, owner=Owner(7, "python"), is_lineage=True)
    free, finding = judge([FREE, service], 100, running=False, command=command)
    assert troubles([free, finding]) == {"lineage": Status.WARNING}
    assert finding.found == "Port 5000 (lineage API) is taken by python (pid 7), which answers as a lineage API."
    assert "`weather lineage serve`" in finding.cause
    assert finding.command == "export MARQUEZ_URL=http://localhost:5000"

    (finding,) = judge([replace(service, owner=Owner(7, "python", "/else"))], 100, running=False, command=command)
    assert finding.cause == "The stack of /else runs."
    assert finding.remedy.startswith("Stop it with `weather down --home /else`, move every port")


def test_a_whole_stack_of_others_stays_in_the_way() -> None:
    taken = [
        PortFact(UI, free=False, owner=Owner(6, "python")),
        PortFact(API, free=False, owner=Owner(7, "python"), is_lineage=True),
    ]
    assert troubles(judge(taken, 100, running=False, command=command)) == {"taken": Status.PROBLEM}
