"""Whether what answers is Marquez's API, and what else it may be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.doctor import command, troubles
from weather_pipeline.doctor import dead_letters
from weather_pipeline.doctor.backend_check import BackendFacts, judge, judge_running
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.surroundings import Surroundings
from weather_pipeline.doctor.web import Answer, Failure, Obstacle
from weather_pipeline.settings import Settings
from weather_pipeline.stack.plan import LineageTarget
from weather_pipeline.stack.status import StackStatus

NOW = datetime(2027, 1, 2, tzinfo=UTC)
MARQUEZ = Answer(200, {"Content-Type": "application/json"}, '{"namespaces": []}')
HTML = {"Content-Type": "text/html"}
TARGET = LineageTarget("http://u:p@h:5000", embedded=False, reason="MARQUEZ_URL")
GOOD = BackendFacts("http://h:5000", MARQUEZ, "weather-pipeline", known=True, last_event=NOW - timedelta(minutes=3))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (GOOD, "the newest event is 3 min old"),
        (replace(GOOD, last_event=NOW - timedelta(hours=5)), "the newest event is 5 hours old"),
        (replace(GOOD, last_event=NOW - timedelta(days=5)), "the newest event is 5 days old"),
        (replace(GOOD, known=False), "it has no events of weather-pipeline yet"),
        (replace(GOOD, last_event=None), "no event arrived yet"),
    ],
)
def test_a_marquez(facts: BackendFacts, words: str) -> None:
    finding = judge(facts, TARGET, now=NOW)
    assert finding.status is Status.OK
    assert finding.found == f"http://h:5000 (MARQUEZ_URL) answers; {words}"


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        (replace(GOOD, namespaces=Failure(Obstacle.REFUSED, "http://h:5000")), "No server runs there"),
        (replace(GOOD, namespaces=Answer(404, HTML), ping=Answer(200, body="pong\n")), "admin port"),
        (replace(GOOD, namespaces=Answer(200, HTML, "<html>")), "web page"),
        (replace(GOOD, namespaces=Answer(302)), "web page"),
        (replace(GOOD, namespaces=Answer(401)), "wants a user and a password"),
        (replace(GOOD, namespaces=Answer(500)), "ill"),
        (replace(GOOD, namespaces=Answer(404, HTML)), "another server"),
        (replace(GOOD, namespaces=Answer(200, body="[]")), "another server"),
        (replace(GOOD, page_of="http://h:5000"), "page's port"),
    ],
)
def test_everything_else(facts: BackendFacts, cause: str) -> None:
    finding = judge(facts, TARGET)
    assert troubles([finding]) == {"api": Status.PROBLEM}
    assert cause in finding.cause
    assert "u:p" not in str(finding)


def test_the_embedded_service_without_its_database() -> None:
    facts, embedded = replace(GOOD, namespaces=Answer(503)), LineageTarget("http://h:5000", embedded=True, reason="x")
    assert "waits for its database" in judge(facts, embedded).found
    assert "is not Marquez's API" in judge(facts, TARGET).found


def test_the_right_address_is_told_where_it_is_known() -> None:
    assert judge(replace(GOOD, page_of="http://h:5000"), TARGET).command == "export MARQUEZ_URL=http://h:5000"


def test_dead_letters() -> None:
    assert dead_letters.judge(None) == dead_letters.judge(0) == []
    assert troubles(dead_letters.judge(3)) == {"dead letters": Status.WARNING}


def test_a_stack_that_was_started_with_other_settings() -> None:
    def running(lineage: str | None, *, alone: bool = False) -> Surroundings:
        stack = StackStatus("up", "/h", 1, 0, "replay", lineage, lineage_alone=alone)
        return Surroundings(Settings(), {}, Path("/"), Path("/"), stack, command)

    assert judge_running(running(None), TARGET) == judge_running(running("http://h:5000"), TARGET) == []
    assert troubles(judge_running(running("http://127.0.0.1:5000"), TARGET)) == {"running": Status.WARNING}
    assert judge_running(running("http://127.0.0.1:5000", alone=True), TARGET) == [], "it sends nothing"


def test_the_service_that_runs_alone_is_asked_where_it_listens() -> None:
    stack = StackStatus("up", "/h", 1, 0, "auto", "http://127.0.0.1:5050", lineage_alone=True)
    alone = Surroundings(Settings(), {}, Path("/"), Path("/"), stack, command)
    assert (alone.lineage.address, alone.lineage.embedded) == ("http://127.0.0.1:5050", True)
    elsewhere = replace(alone, settings=Settings(marquez_url="http://h:5000"))
    assert elsewhere.lineage.address == "http://h:5000"


def test_the_embedded_service_that_is_away_is_no_matter_of_settings() -> None:
    facts = replace(GOOD, namespaces=Failure(Obstacle.REFUSED, "http://h:5000"))
    embedded = LineageTarget("http://h:5000", embedded=True, reason="x")
    assert "unset" not in judge(facts, embedded).remedy
    assert "unset MARQUEZ_URL for the embedded service" in judge(facts, TARGET).remedy
