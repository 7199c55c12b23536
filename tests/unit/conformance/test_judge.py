"""A judge that finds nothing is worth nothing: every kind of fault is planted and found."""

import copy
from typing import Any

import pytest

from tests.conformance.judge import judge
from tests.unit.lineage.test_fold import RUN, T0
from weather_pipeline.lineage.facets import runs
from weather_pipeline.lineage.facets.base import present
from weather_pipeline.lineage.messages import JobDescription, RunDescription, run_message

RUN_ID = "019aa5d2-3f00-7c7a-8d1e-5f0f5f0f5f0f"


def story() -> list[dict[str, Any]]:
    """A run without fault."""
    from openlineage.client.event_v2 import RunState

    facets = present(dagster_run=runs.dagster_run(RUN, dagster_url=None))
    job, run = JobDescription("tests", "a", {}), RunDescription(RUN_ID, facets)
    parts = (("start", RunState.START), ("end", RunState.COMPLETE))
    return [run_message(part, state, T0, run=run, job=job).body() for part, state in parts]


def test_a_run_without_fault_has_no_findings_and_may_arrive_twice() -> None:
    verdict = judge([*story(), *story()])
    assert verdict.findings == []
    assert (verdict.runs, dict(verdict.events)) == (1, {"START": 1, "COMPLETE": 1})
    assert verdict.facets["run", "dagster_run"] == 2


def change(events: list[dict[str, Any]], which: int, path: str, value: Any) -> list[dict[str, Any]]:
    changed = copy.deepcopy(events)
    *parents, last = path.split("/")
    target: Any = changed[which]
    for parent in parents:
        target = target[parent]
    target[last] = value
    return changed


@pytest.mark.parametrize(
    ("which", "path", "value", "words"),
    [
        (0, "eventType", "COMPLETE", "not exactly one START"),
        (1, "eventType", "START", "not exactly one terminal"),
        (1, "eventType", "RUNNING", "not exactly one terminal"),
        (1, "job/name", "b", "several jobs share the run id"),
        (0, "eventTime", "2027-01-01T00:00:00.000000Z", "times run backwards"),
        (0, "eventTime", "yesterday", "is not a 'date-time'"),
        (0, "run/runId", "no uuid", "is not a 'uuid'"),
        (0, "run/facets/dagster_run/launchedBy", "magic", "is not one of"),
        (0, "run/facets/dagster_run/runId", 7, "is not of type 'string'"),
    ],
)
def test_every_fault_is_found(which: int, path: str, value: Any, words: str) -> None:
    assert any(words in finding for finding in judge(change(story(), which, path, value)).findings)


def test_a_facet_in_the_wrong_place_is_found() -> None:
    events = story()
    events[0]["job"]["facets"] = {"dagster_run": events[0]["run"]["facets"]["dagster_run"]}
    assert any("stands among JobFacet facets" in finding for finding in judge(events).findings)


def test_the_same_event_with_another_content_is_a_finding() -> None:
    again = change(story(), 1, "run/facets/dagster_run/jobName", "other")[1]
    assert any("not exactly one terminal" in finding for finding in judge([*story(), again]).findings)
