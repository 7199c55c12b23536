"""What drivers leave reaches the backend: whatever becomes of the driver, of the backend, and of who delivers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector
from tests.integration.spark.conftest import ROOT
from tests.unit.lineage.spool.events import APPLICATION, began, event, run_id, session
from weather_pipeline.lineage.sinks.configured import open_sink
from weather_pipeline.lineage.spool import files
from weather_pipeline.lineage.spool.forward import KEPT, Forwarder, Report
from weather_pipeline.lineage.spool.launch import launched
from weather_pipeline.spark.spool import failures_of

pytestmark = pytest.mark.integration

A, B, STEP = run_id(2), run_id(3), run_id(9)
PARENT = f"weather-pipeline/articles_dagster/{STEP}"
NOTHING: tuple[str, ...] = ()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_QUIET", 0.0)


@pytest.fixture
def backend() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


Deliver = Callable[[], Report]


@pytest.fixture
def deliver(spool: Path, backend: Collector) -> Deliver:
    """Delivers as the sensor does: again and again, by one forwarder."""
    forwarder = Forwarder(spool, open_sink(backend.url))
    return lambda: forwarder.run(20.0)


@contextmanager
def driving(spool: Path, end: str, events: list[dict[str, Any]], **variables: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.integration.spark.driver", str(spool), end, json.dumps(events)]
    environment = {**os.environ, "WEATHER_HOME": str(spool.parent), **variables}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        yield process
    finally:
        process.kill()
        process.communicate()


def drive(spool: Path, end: str, events: list[dict[str, Any]], **variables: str) -> None:
    """Let a driver run to its end."""
    with driving(spool, end, events, **variables) as process:
        process.communicate(timeout=60)


def kinds(backend: Collector, run: str = APPLICATION) -> list[str]:
    return [each["eventType"] for each in backend.events if each["run"]["runId"] == run]


def message(backend: Collector) -> str:
    return str(backend.events[-1]["run"]["facets"]["errorMessage"]["message"])


def test_a_session_that_went_well(spool: Path, backend: Collector, deliver: Deliver) -> None:
    drive(spool, "well", session(2, 3))
    report = deliver()
    assert (report.sent, report.ended, report.open, report.trouble) == (8, 1, 0, None)
    assert [each["eventType"] for each in backend.events] == [each["eventType"] for each in session(2, 3)]
    assert deliver().summary() == "0 Spark events sent"
    assert sorted(file.suffix for file in (spool / files.DONE).iterdir()) == [".json", ".json", ".json", ".ndjson"]


@pytest.mark.parametrize(("end", "why"), [("raise", "ValueError: the table is gone"), ("exit", "3")])
def test_a_driver_that_fails_is_no_success(
    spool: Path, backend: Collector, deliver: Deliver, end: str, why: str
) -> None:
    drive(spool, end, session(2))
    deliver()
    assert kinds(backend) == ["START", "FAIL"]
    assert why in message(backend)


def test_the_driver_s_word_counts_before_the_listener_s(spool: Path, backend: Collector, deliver: Deliver) -> None:
    acts = [event(kind, run, at=at) for at, run in ((1, A), (2, B)) for kind in ("START", "COMPLETE")]
    with driving(spool, "wait", [event("START"), *acts]) as process:
        (told,) = spool.glob("*.ndjson")
        word = {"started": began(1), "message": "ValidationException: conflict"}
        failures_of(told).write_text(json.dumps(word) + '\n{"star')
        assert deliver().sent == 5
        assert (kinds(backend, A), kinds(backend, B)) == (["START", "FAIL"], ["START", "COMPLETE"])
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert deliver().ended == 1
    assert not failures_of(told).exists()
    assert (spool / files.DONE / failures_of(told).name).exists()


def test_what_runs_is_told_while_it_runs_and_fails_where_it_is_killed(
    spool: Path, backend: Collector, deliver: Deliver
) -> None:
    with driving(spool, "wait", [event("START"), event("START", A)]) as process:
        report = deliver()
        assert (report.sent, report.open) == (2, 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert deliver().ended == 1
    assert kinds(backend) == kinds(backend, A) == ["START", "FAIL"]
    assert "killed" in message(backend)


def test_ctrl_c_is_an_abort(spool: Path, backend: Collector, deliver: Deliver) -> None:
    with driving(spool, "wait", [event("START"), event("START", A)]) as process:
        process.send_signal(signal.SIGINT)
        assert (process.communicate()[1], process.returncode) == ("Interrupted.\n", 130)
        assert deliver().ended == 1
    assert kinds(backend) == kinds(backend, A) == ["START", "ABORT"]
    assert message(backend) == "KeyboardInterrupt"
    assert "driver.py" in backend.events[-1]["run"]["facets"]["errorMessage"]["stackTrace"]


def test_half_a_line_of_a_killed_driver_is_kept_aside(spool: Path, backend: Collector, deliver: Deliver) -> None:
    with driving(spool, "wait", session()[:1]) as process:
        (told,) = spool.glob("*.ndjson")
        with told.open("a") as file:
            file.write('{"eventType": "RUN')
        assert deliver().sent == 1
        process.kill()
        process.wait()
    report = deliver()
    assert (report.sent, report.refused, report.ended) == (1, 1, 1)
    (refused,) = spool.glob(f"*{files.REFUSED}")
    assert '\\"eventType\\": \\"RUN' in refused.read_text()


def test_no_event_is_lost_while_the_backend_is_away(spool: Path, backend: Collector, deliver: Deliver) -> None:
    drive(spool, "well", session(2, 3))
    backend.stop()
    for _ in range(2):
        report = deliver()
        assert report.trouble
        assert (report.sent, report.open) == (0, 1)
    backend.start()
    assert deliver().sent == 8
    assert kinds(backend) == ["START", "COMPLETE"]


def test_what_a_backend_refuses_is_kept_and_holds_nothing_up(spool: Path, backend: Collector, deliver: Deliver) -> None:
    drive(spool, "well", session(2, 3))
    backend.behave = lambda told: (400, "bad") if told["run"]["runId"] == A else (201, "")
    reports = [deliver() for _ in range(4)]
    assert sum(report.ended for report in reports) == 1
    # Some are sent again, as the proof that the backend is well.
    assert list(dict.fromkeys(kinds(backend, B))) == ["START", "RUNNING", "COMPLETE"]
    assert list(dict.fromkeys(kinds(backend))) == ["START", "COMPLETE"]
    (refused,) = spool.glob(f"*{files.REFUSED}")
    kept = [json.loads(line) for line in refused.read_text().splitlines()]
    assert [json.loads(each["event"])["eventType"] for each in kept] == ["START", "RUNNING", "COMPLETE"]
    assert all("400" in each["reason"] for each in kept)


def test_a_backend_that_refuses_everything_loses_nothing(spool: Path, backend: Collector, deliver: Deliver) -> None:
    drive(spool, "well", session(2))
    backend.behave = lambda told: (404, "not here")
    for _ in range(3):
        deliver()
    backend.behave = lambda told: (201, "")
    deliver()
    assert [each["eventType"] for each in backend.events] == [each["eventType"] for each in session(2)]
    assert not list(spool.glob(f"*{files.REFUSED}"))


def test_what_is_no_event_is_kept_aside(spool: Path, backend: Collector, deliver: Deliver) -> None:
    bad = event("START", A)
    bad["outputs"] = [{"namespace": "a space", "name": "x"}]
    drive(spool, "well", [event("START"), bad, {"nothing": 1}, event("COMPLETE")])
    report = deliver()
    assert (report.sent, report.refused, report.ended) == (2, 2, 1)
    assert kinds(backend) == ["START", "COMPLETE"]


def _launch(spool: Path, deliver: Deliver, error: BaseException) -> None:
    """A step whose driver goes well, and which then ends by an error."""
    with launched(spool) as variables:
        drive(spool, "well", session(), OPENLINEAGE_PARENT_ID=PARENT, **variables)
        assert deliver().ended == 0
        raise error


def test_the_step_decides_what_became_of_the_application(spool: Path, backend: Collector, deliver: Deliver) -> None:
    with pytest.raises(RuntimeError):
        _launch(spool, deliver, RuntimeError("rows are missing"))
    deliver()
    assert kinds(backend) == ["START", "FAIL"]
    assert "rows are missing" in message(backend)
    (upstream,) = backend.events[0]["run"]["facets"]["jobDependencies"]["upstream"]
    assert upstream["run"]["runId"] == STEP


def test_a_step_that_is_cancelled_aborts_it(spool: Path, backend: Collector, deliver: Deliver) -> None:
    with pytest.raises(KeyboardInterrupt):
        _launch(spool, deliver, KeyboardInterrupt())
    deliver()
    assert kinds(backend) == ["START", "ABORT"]


def test_a_step_that_is_tried_again_is_another_launch(spool: Path, backend: Collector, deliver: Deliver) -> None:
    with pytest.raises(RuntimeError):
        _launch(spool, deliver, RuntimeError("not yet"))
    with launched(spool):
        deliver()
    assert kinds(backend) == ["START", "FAIL"]


def test_a_forked_child_does_not_end_the_session(spool: Path, backend: Collector, deliver: Deliver) -> None:
    with driving(spool, "fork", session()[:1]) as process:
        assert deliver().open == 1
        process.kill()
        process.wait()
    deliver()
    assert kinds(backend) == ["START", "FAIL"]


def test_an_event_that_can_t_be_ended_holds_no_other_session_up(
    spool: Path, backend: Collector, deliver: Deliver
) -> None:
    bad = {key: value for key, value in event("START", A).items() if key != "producer"}
    drive(spool, "raise", [event("START"), bad])
    drive(spool, "well", session(3))
    report = deliver()
    assert (report.ended, report.refused, report.problems) == (2, 1, [])


def test_a_failure_before_a_line_that_is_no_event_is_told(spool: Path, backend: Collector, deliver: Deliver) -> None:
    bad = {key: value for key, value in event("COMPLETE", B).items() if key != "producer"}
    drive(spool, "well", [event("START"), event("START", A), event("FAIL", A), bad, event("COMPLETE")])
    deliver()
    assert kinds(backend, A) == ["START", "FAIL"]


def test_nothing_of_what_was_delivered_stays_for_ever(spool: Path, backend: Collector, deliver: Deliver) -> None:
    with launched(spool) as variables:
        drive(spool, "well", session(2, 3), **variables)
    deliver()
    (spool / "waiting.ndjson").write_text("")
    (spool / f"waiting{files.LOCK}").write_text("")
    long_ago = time.time() - KEPT.total_seconds() - 60
    for file in (each for each in spool.rglob("*") if each.is_file()):
        os.utime(file, (long_ago, long_ago))
    deliver()
    assert [file.name for file in sorted(spool.rglob("*")) if file.is_file()] == [
        "waiting.ndjson",
        f"waiting{files.LOCK}",
    ]


def test_one_delivers_at_a_time(spool: Path, backend: Collector, deliver: Deliver) -> None:
    drive(spool, "well", session())
    (waiting,) = files.sessions(spool)
    with waiting.taken() as is_ours:
        assert is_ours
        report = deliver()
        assert (report.sent, report.open) == (0, 1)
    assert deliver().ended == 1


def test_a_killed_forwarder_repeats_and_loses_nothing(spool: Path, backend: Collector) -> None:
    drive(spool, "well", session(*range(2, 60)))
    command = [sys.executable, "-m", "weather_pipeline.cli", "lineage", "spool", "--directory", str(spool)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "MARQUEZ_URL": backend.url})
    deadline = time.monotonic() + 60
    while len(backend.events) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    time.sleep(3.1)  # the command waits for a quiet file
    done = subprocess.run(
        [*command, "--json"],
        cwd=ROOT,
        env={**os.environ, "MARQUEZ_URL": backend.url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["ended"] == 1
    told = {(each["run"]["runId"], each["eventType"]) for each in backend.events}
    assert told == {(each["run"]["runId"], each["eventType"]) for each in session(*range(2, 60))}
    assert kinds(backend)[-1] == "COMPLETE"


def test_a_session_without_a_record_is_said(spool: Path, deliver: Deliver) -> None:
    spool.mkdir()
    (spool / "other.ndjson").write_text(json.dumps(event("START")) + "\n")
    (problem,) = deliver().problems
    assert "other" in problem
