"""What a backend can do to an exporter, and what becomes of events meanwhile: nothing is lost, nobody is stormed."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from tests.collector import Collector
from tests.integration.lineage.conftest import Exporting, error_of
from tests.integration.lineage.test_shapes_of_work import chain
from tests.integration.lineage.test_ticks import ACCEPTED, LATER, Backend, Site, a, b
from weather_pipeline.lineage import delivery, dispatch, evaluation, gate, publish
from weather_pipeline.lineage.answers import Answer, Verdict
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.dagster_internals import SensorRecord
from weather_pipeline.lineage.deadletters import DeadLetters, all_letters
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.progress import OpenRun, Parked, Progress
from weather_pipeline.lineage.sinks import open_sink

pytestmark = pytest.mark.integration


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_no_request_before_the_time_that_the_backend_names(instance: dg.DagsterInstance, backend: Collector) -> None:
    site = Site(instance, a)
    site.use(open_sink(backend.url))
    site.run()
    backend.behave = lambda event: (429, "too many")
    backend.answer_headers = {"Retry-After": "900"}
    assert site.tick().trouble == "HTTP 429: too many"
    asked = len(backend.requests)
    report = site.tick(5, minutes=2)
    assert len(backend.requests) == asked
    assert "asked for no request before" in (report.trouble or "")
    assert report.blamed
    backend.behave = lambda event: (201, "")
    assert site.tick(minutes=10).trouble is None
    assert len(backend.events) == len({str(event["run"]) for event in backend.events}) * 2
    assert site.progress.not_before == 0.0


def test_a_short_wait_that_the_backend_names_is_waited_within_the_tick(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    site = Site(instance, a)
    site.use(open_sink(backend.url))
    site.run()
    backend.answer_headers = {"Retry-After": "1"}
    backend.behave = lambda event: (429, "") if len(backend.requests) == 1 else (201, "")
    report = site.tick()
    assert report.trouble is None
    assert report.retried == 1
    assert report.waiting == 0


@pytest.mark.parametrize("status", [400, 405, 422])
def test_a_backend_that_refuses_everything_is_ill_and_no_event_is_to_blame(
    instance: dg.DagsterInstance, backend: Collector, status: int
) -> None:
    site = Site(instance, a, b)
    site.use(open_sink(backend.url))
    site.run()
    site.tick()
    before = len(backend.events)
    site.run(10)
    backend.behave = lambda event: (status, "The plain HTTP request was sent to HTTPS port")
    report = site.tick()
    assert "plain HTTP" in (report.trouble or "")
    asked = len(backend.requests)
    site.tick(10, minutes=5)
    assert len(backend.requests) - asked <= 20, "a probe a tick, and the proof that nothing passes"
    assert all_letters(instance) == []
    backend.behave = lambda event: (201, "")
    site.tick(2)
    assert {event["run"]["runId"] for event in backend.events[:before]} < {e["run"]["runId"] for e in backend.events}
    assert len({(event["run"]["runId"], event["eventType"]) for event in backend.events}) == 11 * before
    assert site.progress.waiting == 0


def test_a_request_that_hangs_holds_up_its_own_run_alone(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_LEAST_SECONDS", 0.3)
    monkeypatch.setattr(dispatch, "_SLACK", 0.1)
    site = Site(instance, a, b, budget=0.3)
    stuck = site.run()[0]
    release = threading.Event()

    def behave(message: Message) -> Answer:
        facet = message.body()["run"]["facets"].get("dagster_run", {})
        if facet.get("runId") == stuck and not release.is_set():
            release.wait()
        return ACCEPTED

    site.backend.behave = behave
    report = site.tick()
    assert report.trouble == "the test's backend has not answered yet."
    site.run(3)
    site.tick(6)
    assert list(site.progress.open) == [stuck]
    assert {message.body()["run"]["facets"]["dagster_run"]["runId"] for message in site.backend.accepted}.isdisjoint(
        {stuck}
    )
    release.set()
    while site.progress.open:
        site.tick()
    keys = [message.key for message in site.backend.accepted]
    assert len(keys) == len(set(keys)), "what was under way was not sent twice"
    for message in site.backend.accepted:
        assert message.part == "start" or f"{message.subject}:start" in keys[: keys.index(message.key)]


def test_a_request_that_never_ends_gives_its_thread_back(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_LEAST_SECONDS", 0.2)
    monkeypatch.setattr(dispatch, "_SLACK", 0.0)
    monkeypatch.setattr(delivery, "_ABANDON", 0.0)
    site = Site(instance, a, budget=0.2)
    never = threading.Event()
    site.backend.behave = lambda message: ACCEPTED if never.wait(60) else LATER
    site.run(2 * gate.WORKERS)
    for _ in range(3):
        site.tick()
    site.backend.behave = lambda message: ACCEPTED
    while site.progress.open:
        site.tick()
    assert site.backend.told()["a_dagster"] == {"START": 2 * gate.WORKERS, "COMPLETE": 2 * gate.WORKERS}
    never.set()


def test_a_moment_of_failure_is_over_within_the_tick(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a)
    site.run(3)
    failures = [Answer(Verdict.LATER, "HTTP 503"), Answer(Verdict.DOUBTFUL, "HTTP 500")]
    site.backend.behave = lambda message: failures.pop() if failures else ACCEPTED
    report = site.tick()
    assert report.trouble is None
    assert (report.retried, site.progress.retried) == (2, 2)
    assert site.progress.open == {}


def test_the_figures_of_a_tick(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a)
    site.run(2)
    site.backend.behave = lambda message: LATER
    report = site.tick(minutes=1)
    progress = site.progress
    assert report.summary().startswith(f"0 accepted, 0 refused, {report.retried} retried, 2 runs open, ")
    assert report.retried >= gate.ATTEMPTS
    assert progress.retried == report.retried
    assert (progress.last_error, progress.accepted, progress.refused) == ("away", 0, 0)
    assert progress.waiting + progress.unread > 0
    assert progress.lag >= 60
    assert progress.ticked_at == pytest.approx(progress.last_error_at, abs=60)
    site.backend.behave = lambda message: ACCEPTED
    site.tick(2)
    assert (site.progress.waiting, site.progress.unread, site.progress.lag) == (0, 0, 0.0)
    assert site.progress.last_error == "away", "the last one, though it is over"


def test_the_log_hears_of_an_outage_twice(instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(instance, a)
    site.run(3)
    site.backend.behave = lambda message: LATER
    with caplog.at_level("INFO", "tests.exporter"):
        site.tick(10)
        site.backend.behave = lambda message: ACCEPTED
        site.tick(2)
    said = [record.getMessage() for record in caplog.records if record.name == "tests.exporter"]
    assert said == ["the test's backend takes no events for now: away", "the test's backend accepts events again."]


def test_while_lineage_is_off_nothing_is_sent_and_nothing_lost(
    instance: dg.DagsterInstance, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = Exporting(instance, chain(), backend.url, since=None)
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    first = off.tick()
    assert "switched off by OPENLINEAGE_DISABLED=true" in (first.skip_message or "")
    off.run()
    cursor = off.tick().cursor
    assert cursor == first.cursor
    assert backend.requests == []
    monkeypatch.delenv("OPENLINEAGE_DISABLED")
    on = Exporting(instance, chain(), backend.url, since=None)
    on.cursor = cursor
    on.tick()
    assert {event["job"]["name"] for event in backend.events} >= {"raw_dagster", "clean_dagster", "table_dagster"}


def threaded(home: Path, sensors: dict[str, object] | None) -> dg.DagsterInstance:
    home.mkdir()
    config = {"telemetry": {"enabled": False}, **({"sensors": sensors} if sensors else {})}
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    return dg.DagsterInstance.from_config(str(home))


@pytest.mark.parametrize("sensors", [None, {"use_threads": False}, {"use_threads": True, "num_workers": 1}])
def test_low_latency_delays_no_other_sensor(
    tmp_path: Path, backend: Collector, sensors: dict[str, object] | None
) -> None:
    with threaded(tmp_path / "home", sensors) as instance:
        exporting = Exporting(instance, chain(), backend.url, low_latency=True)
        exporting.run()
        message = exporting.tick().skip_message or ""
        assert "low_latency is not in effect" in message
        assert "use_threads: true" in message
        assert backend.events


def test_low_latency_sends_what_ends_while_an_evaluation_lingers(
    tmp_path: Path, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "LINGER", 120.0)
    monkeypatch.setattr(evaluation, "_PAUSE", 0.05)
    with threaded(tmp_path / "home", {"use_threads": True, "num_workers": 4}) as instance:
        exporting = Exporting(instance, chain(), backend.url, low_latency=True)
        results: list[str | None] = []
        lingering = threading.Thread(target=lambda: results.append(error_of(exporting.tick())))
        lingering.start()
        exporting.run()
        while len(backend.kinds("table_dagster")) < 2:
            assert lingering.is_alive()
            lingering.join(0.05)
        backend.behave = lambda event: (503, "")  # which ends the evaluation
        exporting.run()
        lingering.join()
        assert "HTTP 503" in (results[0] or "")
        saved = Progress.load(exporting.cursor)
        assert saved
        assert saved.accepted == len(backend.events)


def test_two_sensors_of_one_instance_do_not_disturb_each_other(instance: dg.DagsterInstance) -> None:
    backends = [Backend(), Backend()]
    sensors = [
        Exporting(instance, chain(), "http://unused.example", sink=backend, name=f"sensor_{number}")
        for number, backend in enumerate(backends)
    ]
    sensors[0].run()
    threads = [threading.Thread(target=sensor.tick) for sensor in sensors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = ({message.key for message in backend.accepted} for backend in backends)
    assert first == second
    assert first


def test_the_largest_cursor_is_small(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a, b)
    site.run()
    site.tick()
    keys = [message.key for message in site.backend.accepted][:10]
    run = OpenRun(set(keys), {keys[0]: dispatch.Strikes(3, 1.7e9)}, 4, 1.7e9)
    progress = Progress(
        open={f"{number:036}": run for number in range(500)},
        closed={f"{number:036}": 1.7e9 + number for number in range(2000)},
    )
    assert len(progress.dump()) < 500_000
    progress.parked = {f"{number:036}": Parked(1_000_000_000, 1.7e9 + number, False) for number in range(10_000)}
    assert len(progress.dump()) < 1_300_000


@pytest.mark.parametrize("threads", [False, True])
def test_a_backlog_is_worked_off_in_one_evaluation_where_that_delays_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: bool
) -> None:
    monkeypatch.setattr(dispatch, "_LEAST_SECONDS", 0.05)
    monkeypatch.setattr(evaluation, "DRAIN", 120.0)
    monkeypatch.setattr(evaluation, "DRAIN_IN_TURN", 0.06)
    monkeypatch.setattr(evaluation, "BUDGET", 0.05)
    slow = Backend(lambda message: ACCEPTED)
    with threaded(tmp_path / "home", {"use_threads": threads}) as instance:
        exporting = Exporting(instance, chain(), "http://unused.example", sink=slow)
        for _ in range(6):
            exporting.run()
        result = exporting.tick()
        saved = Progress.load(result.cursor)
        assert saved
        backlog = saved.waiting + saved.unread
        assert (backlog == 0) is threads
        assert (len(slow.accepted) == 6 * 8) is threads


def test_a_tick_is_red_also_where_only_reports_wait_and_after_a_restart(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    backend.behave = lambda event: (503, "away")
    backend.answer_headers = {"Retry-After": "900"}
    exporting = Exporting(instance, chain(), backend.url)
    instance.report_runless_asset_event(dg.AssetObservation("raw"))
    assert "HTTP 503: away" in (error_of(exporting.tick()) or "")
    restarted = Exporting(instance, chain(), backend.url)
    restarted.cursor = exporting.cursor
    assert "asked for no request before" in (error_of(restarted.tick()) or "")
    saved = Progress.load(restarted.cursor)
    assert saved
    assert saved.failing_since is not None


def test_an_outage_is_over_when_nothing_waits_any_more(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a)
    (run_id,) = site.run()
    site.backend.behave = lambda message: LATER
    site.tick()
    assert site.progress.failing_since is not None
    instance.delete_run(run_id)
    site.exporter._known.clear()
    assert site.tick(2, minutes=2).trouble is None
    assert (site.progress.open, site.progress.failing_since) == ({}, None)


def test_storage_that_fails_in_a_later_look_costs_nothing_that_was_accepted(
    tmp_path: Path, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with threaded(tmp_path / "home", {"use_threads": True, "num_workers": 4}) as instance:
        exporting = Exporting(instance, chain(), backend.url, low_latency=True)
        exporting.run()
        fetch = instance.fetch_run_status_changes

        def fails_later(*arguments: object, **settings: object) -> object:
            if backend.events:
                raise OSError("connection lost")
            return fetch(*arguments, **settings)  # type: ignore[arg-type]

        monkeypatch.setattr(instance, "fetch_run_status_changes", fails_later)
        result = exporting.tick()
        saved = Progress.load(result.cursor)
        assert saved
        assert saved.accepted == len(backend.events) == 8


def refusing_a(message: Message) -> Answer:
    """A backend that is well, and refuses the events of one asset."""
    return Answer(Verdict.REFUSED, "HTTP 400: bad") if message.body()["job"]["name"] == "a_dagster" else ACCEPTED


def test_a_refused_event_that_cannot_be_kept_waits(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(instance, a, b)
    site.run()
    site.backend.behave = refusing_a
    keep = DeadLetters.bury
    full = [True]

    def bury(*arguments: Any, **settings: Any) -> None:
        if full:
            raise OSError("no space left on device")
        keep(*arguments, **settings)

    monkeypatch.setattr(DeadLetters, "bury", bury)
    report = site.tick()
    assert (report.accepted, report.refused, report.trouble) == (4, 0, None)
    full.clear()
    site.tick(3)
    assert [letter.event["job"]["name"] for letter in all_letters(instance)] == ["a_dagster"] * 2
    assert site.progress.open == {}


def test_nobody_lingers_with_the_last_worker_of_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with threaded(tmp_path / "home", {"use_threads": True, "num_workers": 2}) as instance:
        assert evaluation.why_not_linger(instance, "sensor") is None
        record = SensorRecord("elsewhere", running=True, cursor=None, ticked_at=None, tick_error=None)
        monkeypatch.setattr(evaluation, "sensor_records", lambda *_: [record, record])
        assert "num_workers: 4" in (evaluation.why_not_linger(instance, "sensor") or "")


def test_definitions_that_hang_hold_no_tick_up(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_SECONDS_A_TICK", 0.2)
    never = threading.Event()
    hanging = Backend(lambda message: ACCEPTED if never.wait() else LATER)
    exporting = Exporting(instance, chain(), "http://unused.example", sink=hanging, publish_definitions=True)
    exporting.tick()
    assert hanging.asked
    assert hanging.accepted == []
    never.set()


def test_a_plan_is_made_some_assets_at_a_time(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_PLANNED_TOGETHER", 1)
    options, now = Options("tests"), datetime.now(UTC)

    def catalog() -> RepositoryCatalog:
        return RepositoryCatalog(chain().get_repository_def(), instance)

    planning = publish.Planning(catalog(), options, {}, now=now)
    assert not planning.go_on(0.0)
    assert planning.plan.drafts == []
    assert planning.go_on()
    assert planning.plan == publish.plan(catalog(), options, {}, now=now)
    assert len(planning.plan.drafts) == 4


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.DOUBTFUL])
def test_a_bad_event_that_comes_first_after_a_restart_is_not_taken_for_an_outage(
    instance: dg.DagsterInstance, verdict: Verdict
) -> None:
    site = Site(instance, a)
    site.run()
    site.backend.behave = lambda message: LATER
    site.tick()
    site.use(site.backend)

    def behave(message: Message) -> Answer:
        is_job = message.body()["job"]["facets"]["jobType"]["jobType"] == "JOB"
        return Answer(verdict, "no") if is_job else ACCEPTED

    site.backend.behave = behave
    site.tick(3)
    assert site.backend.told() == {"a_dagster": {"START": 1, "COMPLETE": 1}}
    assert site.progress.failing_since is None
    site.tick(16, minutes=1)
    assert len(all_letters(instance)) == 2
    assert site.progress.open == {}


def test_a_refusal_that_no_time_is_left_to_prove_is_no_outage(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(instance, a, b)
    site.run()
    site.backend.behave = refusing_a
    monkeypatch.setattr(dispatch, "PATIENCE", 0.0)
    report = site.tick()
    assert (report.accepted, report.refused, report.trouble, report.doubt) == (4, 0, None, "HTTP 400: bad")
    assert site.progress.failing_since is None
    monkeypatch.undo()
    site.tick(4)
    assert len(all_letters(instance)) == 2
    assert site.progress.open == {}


def test_a_definition_that_is_refused_becomes_a_dead_letter_though_nothing_else_is_published(
    instance: dg.DagsterInstance,
) -> None:
    def behave(message: Message) -> Answer:
        return Answer(Verdict.REFUSED, "HTTP 422: no") if "run" not in message.body() else ACCEPTED

    backend = Backend(behave)
    exporting = Exporting(
        instance,
        dg.Definitions(assets=[a, dg.AssetSpec("table")]),
        "http://unused.example",
        sink=backend,
        publish_definitions=True,
    )
    exporting.run()
    exporting.tick()
    assert [letter.reason for letter in all_letters(instance)] == ["HTTP 422: no"]
