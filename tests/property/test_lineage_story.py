"""Any interleaving of a run's log gives a valid sequence of events, the same each time, and none is ever taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import dagster as dg
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.lineage.test_fold import BOOM, RUN, T0
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.model import (
    CheckPlanned,
    CheckResult,
    LogEvent,
    Materialization,
    Observation,
    Planned,
    RunEnded,
    RunStarted,
    RunState,
    StepChange,
    StepPhase,
)
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.runlog import fold_log
from weather_pipeline.lineage.story import messages_of


@dg.asset
def a() -> None: ...


@dg.asset(deps=[a])
def b() -> None: ...


@dg.asset(key=["c", "d"], deps=[b], output_required=False)
def c() -> None: ...


OPTIONS = Options("tests")
NOW = T0 + timedelta(seconds=2000)
INSTANCE = dg.DagsterInstance.ephemeral()
BUILDER = EventBuilder(RepositoryCatalog(dg.Definitions(assets=[a, b, c]).get_repository_def(), INSTANCE), OPTIONS)

PATHS = st.sampled_from([("a",), ("b",), ("c", "d"), ("unknown",)])
STEPS = st.sampled_from(["a", "b", "g.one", "g.two", "check"])
TIMES = st.integers(0, 500).map(lambda seconds: T0 + timedelta(seconds=seconds))
PARTITIONS = st.none() | st.sampled_from(["p", "q"])
ENDS = st.sampled_from([RunState.COMPLETE, RunState.FAIL, RunState.ABORT])
CHECKS = st.builds(
    CheckResult, PATHS, st.sampled_from(["fresh", "whole"]), st.booleans(), st.just("WARN"), TIMES, STEPS
)
EVENTS: st.SearchStrategy[LogEvent] = st.one_of(
    st.builds(Planned, PATHS, STEPS, PARTITIONS),
    st.builds(CheckPlanned, PATHS, st.sampled_from(["fresh", "whole"]), STEPS),
    st.builds(StepChange, STEPS, st.sampled_from(StepPhase), TIMES, st.none() | st.just(BOOM)),
    st.builds(Materialization, PATHS, TIMES, STEPS, PARTITIONS),
    st.builds(Observation, PATHS, TIMES, STEPS, PARTITIONS),
    CHECKS,
    st.builds(RunStarted, TIMES),
    st.builds(RunEnded, ENDS, TIMES, st.none() | st.just(BOOM)),
)


def story(log: Sequence[LogEvent]) -> list[Message]:
    messages, problems, _ = messages_of(fold_log(log), RUN, BUILDER, OPTIONS, NOW)
    assert problems == []
    return messages


def bodies(messages: Sequence[Message]) -> dict[str, Any]:
    return {message.key: message.body() for message in messages}


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=40), st.data())
def test_any_log_gives_a_valid_sequence_and_the_same_one_each_time(events: list[LogEvent], data: st.DataObject) -> None:
    if events:
        # A record may be read twice.
        twice = data.draw(st.lists(st.sampled_from(events), max_size=5))
        events = data.draw(st.permutations([*events, *twice]))
    messages = story(events)
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in messages:
        body = message.body()
        if "run" in body:
            runs[body["run"]["runId"]].append(body)
    for told in runs.values():
        kinds = [body["eventType"] for body in told]
        assert kinds[0] == "START"
        assert len(kinds) <= 2
        assert set(kinds[1:]) <= {"COMPLETE", "FAIL", "ABORT"}
        assert len({body["job"]["name"] for body in told}) == 1
        assert told[0]["eventTime"] <= told[-1]["eventTime"]
    assert [message.at for message in messages] == sorted(message.at for message in messages)
    assert [message.body() for message in story(events)] == [message.body() for message in messages]


@st.composite
def well_formed(draw: st.DrawFn) -> list[LogEvent]:
    """The log of one run as Dagster writes it: steps in any interleaving, some tried twice, then the run's end."""
    second = iter(range(1, 1000))
    planned: list[LogEvent] = [CheckPlanned(("a",), "fresh", "check")]
    waiting: list[list[LogEvent]] = [[StepChange("check", StepPhase.STARTED, T0), *_checks(draw)]]
    for path, key in ((("a",), "a"), (("b",), "g.one"), (("c", "d"), "g.two")):
        planned.append(Planned(path, key, draw(PARTITIONS)))
        attempts = [_attempt(draw, path, key) for _ in range(draw(st.integers(1, 2)))]
        log: list[LogEvent] = [StepChange(key, StepPhase.STARTED, T0), *attempts[0]]
        for attempt in attempts[1:]:
            log += [StepChange(key, StepPhase.RESTARTED, T0), *attempt]
        end = draw(st.sampled_from([StepPhase.SUCCEEDED, StepPhase.FAILED, StepPhase.INTERRUPTED, None]))
        waiting.append([*log, *([StepChange(key, end, T0, BOOM if end is StepPhase.FAILED else None)] if end else [])])
    log = [RunStarted(T0)]
    while any(waiting):
        queue = draw(st.sampled_from([queue for queue in waiting if queue]))
        log.append(queue.pop(0))
    log.append(RunEnded(draw(ENDS), T0))
    # Times follow the order of the log.
    return [*planned, *(replace(event, at=T0 + timedelta(seconds=next(second))) for event in log)]  # type: ignore[arg-type,type-var]


def _attempt(draw: st.DrawFn, path: tuple[str, ...], key: str) -> list[LogEvent]:
    made: list[LogEvent] = [Materialization(path, T0, key, draw(PARTITIONS))] if draw(st.booleans()) else []
    seen: list[LogEvent] = [Observation(("unknown",), T0, key)] if draw(st.booleans()) else []
    return [*seen, *made]


def _checks(draw: st.DrawFn) -> list[LogEvent]:
    if draw(st.booleans()):
        found = CheckResult(("a",), "fresh", draw(st.booleans()), "ERROR", T0, "check")
        return [found, StepChange("check", StepPhase.SUCCEEDED, T0)]
    return [StepChange("check", StepPhase.FAILED, T0, BOOM)]


@settings(deadline=None)
@given(well_formed(), st.data())
def test_what_was_told_is_never_taken_back_or_changed(log: list[LogEvent], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    before, after = bodies(story(log[:cut])), bodies(story(log))
    for key, body in before.items():
        assert after[key] == body


@given(well_formed())
def test_every_run_that_was_begun_has_ended_when_its_dagster_run_has(log: list[LogEvent]) -> None:
    by_subject: dict[str, set[str]] = defaultdict(set)
    for message in story(log):
        by_subject[message.subject].add(message.part)
    for subject, parts in by_subject.items():
        assert subject.startswith("dataset:") or parts in ({"start", "end"}, {"start", "inferred"})
