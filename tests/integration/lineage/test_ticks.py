"""The exporter over time: backlogs, outages, poison, dead runs. Real Dagster storage, a clock of the test's own."""

import json
import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import yaml
from dagster._core.events import StepMaterializationData
from dagster._core.execution.plan.objects import StepFailureData, StepSuccessData
from openlineage.client.transport import HttpConfig

from weather_pipeline.lineage import (
    asset_run_id,
    build_openlineage_sensor,
    dagster_internals,
    discovery,
    dispatch,
    reader,
)
from weather_pipeline.lineage.answers import Answer, Sink, Verdict
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.deadletters import all_letters
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.exporter import Exporter, Report
from weather_pipeline.lineage.facets.base import iso
from weather_pipeline.lineage.history import Span, runs_in, tell
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.model import AssetRun
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.progress import Progress
from weather_pipeline.lineage.scope import Scope
from weather_pipeline.lineage.sinks import HttpSink, open_sink

pytestmark = pytest.mark.integration

ACCEPTED = Answer(Verdict.ACCEPTED)
DOUBTFUL = Answer(Verdict.DOUBTFUL, "HTTP 500: boom")
LATER = Answer(Verdict.LATER, "away")
LOG = logging.getLogger("tests.exporter")
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Backend:
    """A sink that answers as it is told."""

    behave: Callable[[Message], Answer] = lambda message: ACCEPTED
    accepted: list[Message] = field(default_factory=list)
    asked: int = 0
    name: str = "the test's backend"

    def send(self, message: Message) -> Answer:
        self.asked += 1
        answer = self.behave(message)
        if answer.verdict is Verdict.ACCEPTED:
            self.accepted.append(message)
        return answer

    def told(self) -> dict[str, dict[str, int]]:
        """Job of an asset or its checks → how many events of each kind were accepted, each counted once."""
        jobs: dict[str, Counter[str]] = defaultdict(Counter)
        for message in {message.key: message for message in self.accepted_of_assets}.values():
            body = message.body()
            jobs[body["job"]["name"]][body["eventType"]] += 1
        return {job: dict(kinds) for job, kinds in jobs.items()}

    @property
    def accepted_of_assets(self) -> list[Message]:
        """What was accepted and is not about the Dagster run itself."""
        return [m for m in self.accepted if m.body()["job"]["facets"]["jobType"]["jobType"] != "JOB"]


class Site:
    """An instance, assets, an exporter and its progress, and a clock that can be moved."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        *assets: Any,
        budget: float = 5.0,
        location: str | None = None,
        jobs: Sequence[Any] = (),
        **options: Any,
    ) -> None:
        self.instance = instance
        self.assets = assets
        checks = [each for each in assets if isinstance(each, dg.AssetChecksDefinition)]
        defined = [each for each in assets if not isinstance(each, dg.AssetChecksDefinition)]
        self.repository = dg.Definitions(assets=defined, asset_checks=checks, jobs=jobs).get_repository_def()
        self.scope = Scope(location, self.repository.name) if location else None
        self.backend = Backend()
        self.later = timedelta()
        self.options = Options("tests", **{"grace": timedelta(), "settle": timedelta(), **options})
        self.budget = budget
        self.use(self.backend)
        self.progress = self.exporter.begin(instance, BEGINNING)

    def use(self, sink: Sink) -> None:
        """Send to another sink."""
        self.exporter = Exporter(sink, self.options, budget=self.budget, clock=lambda: datetime.now(UTC) + self.later)

    def run(self, count: int = 1) -> list[str]:
        results = [dg.materialize(self.assets, instance=self.instance, raise_on_error=False) for _ in range(count)]
        return [result.run_id for result in results]

    def tick(self, count: int = 1, *, minutes: float = 0) -> Report:
        """Tick so often, the clock moving by so many minutes before each; progress goes through its cursor."""
        report = Report()
        for _ in range(count):
            self.later += timedelta(minutes=minutes)
            builder = EventBuilder(RepositoryCatalog(self.repository, self.instance), self.options, self.scope)
            report = self.exporter.tick(self.instance, builder, self.progress, LOG)
            saved = Progress.load(self.progress.dump())
            assert saved is not None
            self.progress = saved
        return report


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dg.asset
def a() -> None: ...


@dg.asset(deps=[a])
def b() -> None: ...


def whole(runs: int = 1) -> dict[str, int]:
    """The events of so many runs that ended well."""
    return {"START": runs, "COMPLETE": runs}


def test_a_backlog_shrinks_with_every_tick_however_small_the_budget(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a, b, budget=0.0)
    site.run(12)
    before = 0
    for _ in range(40):
        site.tick()
        if len(site.backend.accepted) == 72 and not site.progress.open:
            break
        assert len(site.backend.accepted) > before or site.progress.open
        before = len(site.backend.accepted)
    assert len(site.backend.accepted) == len({message.key for message in site.backend.accepted}) == 72


def test_a_slow_backend_gets_what_fits_into_the_budget_and_the_rest_later(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_LEAST_SECONDS", 0.2)
    site = Site(instance, a, b, budget=0.2)
    site.run(20)
    site.backend.behave = lambda message: time.sleep(0.05) or ACCEPTED
    report = site.tick()
    assert 0 < report.accepted < 120
    assert report.waiting + report.accepted + 6 * report.not_reached >= 120
    site.backend.behave = lambda message: ACCEPTED
    site.tick(30)  # three would do, but for a machine that is busy
    assert len(site.backend.accepted) == 120


def test_a_message_of_a_megabyte_is_told_redacted_and_shortened(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def wordy() -> None:
        raise ValueError("postgresql://user:secret@host/db " + "x" * 1_000_000)

    site = Site(instance, wordy)
    site.run()
    site.tick()
    facet = site.backend.accepted[-1].body()["run"]["facets"]["errorMessage"]
    assert "postgresql://***@host/db" in facet["message"]
    assert "characters left out" in facet["message"]
    assert "secret" not in str(facet)


def test_one_event_that_never_passes_holds_nobody_up_and_is_given_up_in_minutes(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a, b)
    poisoned = site.run()[0]
    site.run(4)

    def behave(message: Message) -> Answer:
        facet = message.body()["run"]["facets"]["dagster_run"]
        return DOUBTFUL if facet["runId"] == poisoned and message.body()["job"]["name"] == "a_dagster" else ACCEPTED

    site.backend.behave = behave
    site.tick()
    assert site.backend.told() == {"a_dagster": whole(4), "b_dagster": whole(5)}
    site.tick(8)
    assert all_letters(instance) == [], "a backend may be ill for some seconds"
    site.tick(8, minutes=1)
    site.tick(8, minutes=1)
    assert [letter.event["eventType"] for letter in all_letters(instance)] == ["START", "COMPLETE"]
    assert site.progress.open == {}


def test_an_outage_that_answers_500_gives_nothing_up(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a, b)
    site.run()
    site.tick()
    site.run(3)
    site.backend.behave = lambda message: DOUBTFUL
    site.tick(30, minutes=5)
    assert all_letters(instance) == []
    assert site.backend.asked < 100, "one probe a tick, and the proof that the backend is ill"
    site.backend.behave = lambda message: ACCEPTED
    site.tick(2)
    assert site.backend.told() == {"a_dagster": whole(4), "b_dagster": whole(4)}


def test_while_the_backend_is_away_the_probe_goes_round(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a)
    stuck = site.run(3)[0]

    def behave(message: Message) -> Answer:
        return LATER if message.body()["run"]["facets"]["dagster_run"]["runId"] == stuck else ACCEPTED

    site.backend.behave = behave
    site.tick(8)
    assert site.backend.told() == {"a_dagster": whole(2)}
    assert list(site.progress.open) == [stuck]


class _LoginPage(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(302)
        self.send_header("Location", "/oauth2/sign_in")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        pass


def test_a_login_page_accepts_nothing(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a)
    site.run()
    with ThreadingHTTPServer(("127.0.0.1", 0), _LoginPage) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        sink = HttpSink(HttpConfig(f"http://127.0.0.1:{server.server_address[1]}"))
        site.use(sink)
        report = site.tick()
        server.shutdown()
    assert report.accepted == 0
    assert "redirects to /oauth2/sign_in: check the backend's URL" in (report.trouble or "")


@pytest.mark.parametrize(
    "transport",
    [
        {"type": "async_http", "url": "http://127.0.0.1:9"},
        {
            "type": "composite",
            "transports": [{"type": "http", "url": "http://127.0.0.1:9", "retry": {"total": 0}}, {"type": "console"}],
        },
    ],
)
def test_a_transport_that_would_hide_a_failure_does_not(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, transport: dict[str, Any]
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transport))
    site = Site(instance, a)
    site.run()
    site.use(open_sink())
    report = site.tick()
    assert (report.accepted, report.refused) == (0, 0)
    assert report.trouble


def test_a_sink_that_raises_is_a_reason_to_try_again(instance: dg.DagsterInstance) -> None:
    def broken(message: Message) -> Answer:
        raise KeyError("token")

    site = Site(instance, a)
    site.run()
    site.backend.behave = broken
    assert "KeyError" in (site.tick().trouble or "")
    site.backend.behave = lambda message: ACCEPTED
    site.tick(2)
    assert site.backend.told() == {"a_dagster": whole()}


def test_storage_that_fails_for_a_moment_loses_nothing(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(instance, a, b)
    site.run()
    fetch = instance.fetch_materializations
    failures = [OSError("connection lost")] * 2

    def fails_twice(*arguments: Any, **settings: Any) -> Any:
        if failures:
            raise failures.pop()
        return fetch(*arguments, **settings)

    monkeypatch.setattr(instance, "fetch_materializations", fails_twice)
    site.tick(4)
    assert site.backend.told() == {"a_dagster": whole(), "b_dagster": whole()}
    assert all_letters(instance) == []


def test_a_run_whose_log_cannot_be_read_keeps_nobody_waiting(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(instance, a)
    broken = site.run(3)[1]
    read = instance.get_records_for_run

    def unreadable(run_id: str, *arguments: Any, **settings: Any) -> Any:
        if run_id == broken:
            raise ValueError("cannot be deserialized")
        return read(run_id, *arguments, **settings)

    monkeypatch.setattr(instance, "get_records_for_run", unreadable)
    site.tick(3)
    assert site.backend.told() == {"a_dagster": whole(2)}
    assert list(site.progress.open) == [broken]


def test_an_idle_instance_sends_nothing_again(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a, b)
    site.run(5)
    site.tick(2)
    sent = site.backend.asked
    assert sent == 30
    site.tick(40, minutes=5)
    assert site.backend.asked == sent


def started_run(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition) -> str:
    """A run that has started, with a step that has, as a killed worker leaves it."""
    job = repository.get_implicit_global_asset_job_def()
    run = instance.create_run_for_job(job)
    for kind, step in (("PIPELINE_START", None), ("STEP_START", "a")):
        report(instance, run, kind, step)
    return run.run_id


def report(
    instance: dg.DagsterInstance, run: dg.DagsterRun, kind: str, step: str | None = None, data: Any = None
) -> None:
    event = dg.DagsterEvent(event_type_value=kind, job_name=run.job_name, step_key=step, event_specific_data=data)
    instance.report_dagster_event(event, run.run_id)


def test_a_dead_run_is_ended_once_and_forgotten_and_its_real_end_still_arrives(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a, max_runtime=timedelta(days=2))
    run_id = started_run(instance, site.repository)
    site.tick()
    site.tick(10, minutes=30)
    assert site.backend.told() == {"a_dagster": {"START": 1}}
    site.tick(3, minutes=60 * 24)
    assert site.backend.told() == {"a_dagster": {"START": 1, "ABORT": 1}}
    assert site.progress.open == {}
    asked = site.backend.asked
    site.tick(5, minutes=60 * 24)
    assert site.backend.asked == asked

    # It lived after all.
    run = instance.get_run_by_id(run_id)
    assert run is not None
    site.progress.closed.clear()
    report(instance, run, "STEP_FAILURE", "a", StepFailureData(None, None))
    instance.report_run_failed(run)
    site.tick(2)
    assert site.backend.told() == {"a_dagster": {"START": 1, "ABORT": 1, "FAIL": 1}}


def test_whatever_a_run_logs_is_a_sign_of_life(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a, max_runtime=timedelta(days=2))
    run = instance.get_run_by_id(started_run(instance, site.repository))
    assert run is not None
    later = datetime.now(UTC) + timedelta(days=1, hours=23)
    said = dg.EventLogEntry(
        error_info=None,
        level=logging.INFO,
        user_message="still reading",
        run_id=run.run_id,
        timestamp=later.timestamp(),
        step_key="a",
        job_name=run.job_name,
    )
    instance.handle_new_event(said)
    site.tick(3, minutes=60 * 24)
    assert site.backend.told() == {"a_dagster": {"START": 1}}
    span = Span(BEGINNING, later)
    builder = EventBuilder(RepositoryCatalog(site.repository, instance), site.options)
    (info,) = runs_in(instance, span, late=site.options.grace)
    again = tell(instance, info, builder, site.options, datetime.now(UTC) + site.later)
    assert {message.part for message in again.story.messages} == {"start"}
    site.tick(2, minutes=60 * 24)
    (end,) = [message for message in site.backend.accepted_of_assets if message.part == "inferred"]
    assert end.at == iso(later + timedelta(days=2))


def test_a_run_that_is_deleted_while_it_is_open_ends_and_is_forgotten(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a)
    run_id = started_run(instance, site.repository)
    site.tick()
    assert list(site.progress.open) == [run_id]
    instance.delete_run(run_id)
    site.backend.behave = lambda message: LATER
    site.tick(2, minutes=2)
    assert list(site.progress.open) == [run_id], "its end waits like any other"
    site.backend.behave = lambda message: ACCEPTED
    site.tick(2, minutes=2)
    assert site.progress.open == {}
    assert site.backend.told() == {"a_dagster": {"START": 1, "ABORT": 1}}
    facets = site.backend.accepted_of_assets[-1].body()["run"]["facets"]
    assert facets["dagster_run"]["inferredEnd"] is True
    assert "was deleted while it was open" in facets["errorMessage"]["message"]


def test_a_run_that_was_deleted_before_a_restart_is_forgotten(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a)
    run_id = started_run(instance, site.repository)
    site.tick()
    instance.delete_run(run_id)
    site.exporter._known.clear()
    site.tick(2, minutes=2)
    assert site.progress.open == {}


def test_no_more_runs_are_open_than_there_is_room_and_none_is_forgotten(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "MAX_OPEN", 3)
    site = Site(instance, a)
    site.run(10)
    site.backend.behave = lambda message: LATER
    for _ in range(10):
        site.tick(minutes=5)
        assert len(site.progress.open) <= 3
    site.backend.behave = lambda message: ACCEPTED
    site.tick(4, minutes=5)
    assert site.backend.told() == {"a_dagster": whole(10)}
    assert len({message.key for message in site.backend.accepted}) == 40


def test_a_neighbour_that_cannot_be_named_silences_nobody_else(instance: dg.DagsterInstance) -> None:
    @dg.asset(metadata={"openlineage/namespace": "has a space", "openlineage/name": "x"})
    def parent() -> None: ...

    @dg.asset(deps=[parent, a])
    def child() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"dagster/row_count": float("nan")})

    site = Site(instance, a, parent, child)
    site.run(2)
    site.tick(2)
    assert site.backend.told() == {"a_dagster": whole(2), "child_dagster": whole(2)}
    last = site.backend.accepted_of_assets[-1].body()
    assert [dataset["name"] for dataset in last["inputs"]] == ["a"]
    assert len(all_letters(instance)) == 2, "one for each run"
    assert site.progress.refused == 2


def test_a_dataset_that_only_its_materialization_names_is_not_guessed_before(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def first() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"dagster/uri": "s3://bucket/key"})

    site = Site(instance, first)
    run = instance.create_run_for_job(site.repository.get_implicit_global_asset_job_def())
    for kind, step in (("PIPELINE_START", None), ("STEP_START", "first")):
        report(instance, run, kind, step)
    site.tick()
    assert [message.body()["outputs"] for message in site.backend.accepted_of_assets] == [[]]
    site.run()
    site.tick()
    assert {(d["namespace"], d["name"]) for m in site.backend.accepted for d in m.body()["outputs"]} == {
        ("s3://bucket", "key")
    }


def test_runs_of_another_code_location_are_left_to_its_own_sensor(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(instance, a, location="ours")
    theirs = site.run(2)[0]

    def located(run: dg.DagsterRun) -> dagster_internals.Location:
        return dagster_internals.Location("theirs" if run.run_id == theirs else None)

    monkeypatch.setattr(dagster_internals, "location_of_run", located)
    site.tick(3, minutes=1)
    assert site.backend.told() == {"a_dagster": whole()}
    assert site.progress.open == {}
    site.progress.closed.clear()
    other = Site(instance, a)
    other.tick(2)
    assert other.backend.told() == {"a_dagster": whole(2)}


def test_checks_and_an_asset_of_their_name_are_two_jobs(instance: dg.DagsterInstance) -> None:
    @dg.asset(key=["orders", "checks"])
    def checks() -> None: ...

    @dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="orders")])
    def orders() -> Iterator[Any]:
        yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])

    site = Site(instance, checks, orders)
    site.run()
    site.tick(2)
    assert set(site.backend.told()) == {"orders_dagster", "orders.checks_dagster", "orders.\\checks_dagster"}


def test_two_evaluations_at_once_are_one(instance: dg.DagsterInstance) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def waits(message: Message) -> Answer:
        inside.set()
        go_on.wait()
        return ACCEPTED

    backend = Backend(waits)
    sensor = build_openlineage_sensor(namespace="tests", sink=backend, since=BEGINNING)
    repository = dg.Definitions(assets=[a], sensors=[sensor]).get_repository_def()
    dg.materialize([a], instance=instance)

    def evaluate() -> str | None:
        context = dg.build_sensor_context(instance=instance, repository_def=repository)
        return sensor.evaluate_tick(context).skip_message

    first = threading.Thread(target=evaluate)
    first.start()
    inside.wait()
    assert evaluate() == "The evaluation before this one is still running."
    go_on.set()
    first.join()
    assert backend.asked == 4


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"url": "not a url"}, "not a url"), ({"since": datetime(2026, 1, 1)}, "without a timezone")],  # noqa: DTZ001
)
def test_a_sensor_that_could_not_work_is_not_built(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build_openlineage_sensor(namespace="tests", **settings)


@pytest.fixture
def on_postgres(tmp_path: Path, new_database: Callable[[], str]) -> Iterator[tuple[dg.DagsterInstance, str]]:
    url = new_database()
    config = {"telemetry": {"enabled": False}, "storage": {"postgres": {"postgres_url": url}}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance, url


def hide(url: str, run_id: str, *, step: str | None = None) -> list[tuple[Any, ...]]:
    """Take a step's events, or the run's status changes, out of the log, as if they were not visible yet."""
    which = "step_key = %(step)s" if step else "dagster_event_type IN ('PIPELINE_START', 'PIPELINE_SUCCESS')"
    taken = (
        f"DELETE FROM event_logs WHERE run_id = %(run)s AND {which} "
        "RETURNING id, run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition"
    )
    with psycopg.connect(url) as connection:
        return connection.execute(taken.encode(), {"run": run_id, "step": step}).fetchall()


def show(url: str, rows: list[tuple[Any, ...]]) -> None:
    put = (
        "INSERT INTO event_logs (id, run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    )
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(put, rows)


def test_what_becomes_visible_late_is_found(on_postgres: tuple[dg.DagsterInstance, str]) -> None:
    instance, url = on_postgres
    site = Site(instance, a)
    site.progress.swept_at = float("inf")
    late = site.run()[0]
    hidden = hide(url, late)
    site.run()
    site.tick()
    assert site.backend.told() == {"a_dagster": whole()}
    show(url, hidden)
    site.tick(2)
    assert site.backend.told() == {"a_dagster": whole(2)}


def test_what_becomes_visible_late_within_a_run_is_told_before_it_is_closed(
    on_postgres: tuple[dg.DagsterInstance, str],
) -> None:
    instance, url = on_postgres
    site = Site(instance, a, b)
    site.options = replace(site.options, settle=timedelta(minutes=1))
    site.exporter._options = site.options
    hidden = hide(url, site.run()[0], step="a")
    site.tick()
    assert site.backend.told() == {"b_dagster": whole()}
    show(url, hidden)
    site.tick(minutes=2)
    assert site.backend.told() == {"a_dagster": whole(), "b_dagster": whole()}
    assert site.progress.open == {}


def test_what_no_status_change_shows_is_found_by_the_sweep(on_postgres: tuple[dg.DagsterInstance, str]) -> None:
    instance, url = on_postgres
    site = Site(instance, a)
    hide(url, site.run()[0])
    site.tick()
    assert site.backend.told() == {"a_dagster": whole()}


def test_what_an_orphan_writes_after_the_end_of_its_run_is_told(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a)
    site.options = replace(site.options, grace=timedelta(minutes=1))
    site.exporter._options = site.options
    run_id = started_run(instance, site.repository)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run)
    site.tick()
    assert site.backend.told() == {"a_dagster": {"START": 1}}
    data = StepMaterializationData(dg.AssetMaterialization("a"), [])
    report(instance, run, "ASSET_MATERIALIZATION", "a", data)
    site.tick(2, minutes=2)
    assert site.backend.told() == {"a_dagster": whole()}
    assert site.progress.open == {}


def test_a_step_can_name_the_run_that_will_be_sent(instance: dg.DagsterInstance) -> None:
    named: dict[str, str] = {}

    @dg.asset
    def single(context: dg.AssetExecutionContext) -> None:
        named["single_dagster"] = asset_run_id(context)

    @dg.multi_asset(outs={"left": dg.AssetOut(), "right": dg.AssetOut()})
    def several(context: dg.AssetExecutionContext) -> tuple[int, int]:
        with pytest.raises(ValueError, match="left, right"):
            asset_run_id(context)
        named["right_dagster"] = asset_run_id(context, ["right"])
        return 1, 2

    site = Site(instance, single, several)
    site.run()
    site.tick()
    sent = {message.body()["job"]["name"]: message.subject for message in site.backend.accepted}
    assert named == {job: sent[job] for job in named}
    assert len(named) == 2


def test_when_retries_are_used_up_the_steps_own_error_is_told(instance: dg.DagsterInstance) -> None:
    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
    def by_policy() -> None:
        raise ConnectionError("no route to the source")

    @dg.asset
    def by_request() -> None:
        try:
            raise ConnectionError("no route to the source")
        except ConnectionError as error:
            raise dg.RetryRequested(max_retries=1, seconds_to_wait=0) from error

    site = Site(instance, by_policy, by_request)
    site.run()
    site.tick()
    failures = [message.body() for message in site.backend.accepted_of_assets if message.part == "end"]
    assert {failure["job"]["name"] for failure in failures} == {"by_policy_dagster", "by_request_dagster"}
    for failure in failures:
        facets = failure["run"]["facets"]
        assert facets["errorMessage"]["message"] == "ConnectionError: no route to the source"
        assert facets["dagster_run"]["attempts"] == 2


@dg.op
def first_half() -> int:
    return 1


@dg.op(out=dg.Out(is_required=False))
def maybe() -> Iterator[Any]:
    yield from ()


@dg.op
def second_half(number: int) -> int:
    return number


@dg.graph_asset
def halved() -> Any:
    return second_half(first_half())


@dg.graph_asset
def left_out() -> Any:
    return second_half(maybe())


WAITS: dict[str, Any] = {"grace": Options("tests").grace, "settle": Options("tests").settle}
"""As a user has them."""


def half_a_graph(site: Site) -> dg.DagsterRun:
    """A run of `halved` whose first step is done, and whose second never began."""
    run = site.instance.create_run_for_job(site.repository.get_implicit_global_asset_job_def())
    report(site.instance, run, "PIPELINE_START")
    report(site.instance, run, "STEP_START", "halved.first_half")
    report(site.instance, run, "STEP_SUCCESS", "halved.first_half", StepSuccessData(1.0))
    return run


def test_a_graph_whose_last_step_never_began_ends_with_its_run(instance: dg.DagsterInstance) -> None:
    site = Site(instance, halved, **WAITS)
    instance.report_run_canceled(half_a_graph(site))
    instance.report_run_failed(half_a_graph(site))
    site.tick(2)
    assert site.backend.told() == {"halved_dagster": {"START": 2, "ABORT": 1, "FAIL": 1}}
    site.tick(minutes=0.1)
    assert site.progress.open == {}


def test_a_graph_whose_last_step_was_skipped_ends_as_aborted(instance: dg.DagsterInstance) -> None:
    site = Site(instance, left_out, **WAITS)
    site.run()
    site.tick()
    assert site.backend.told() == {"left_out_dagster": {"START": 1, "ABORT": 1}}
    site.tick(minutes=0.1)
    assert site.progress.open == {}


def test_no_run_is_closed_while_a_start_has_no_end(instance: dg.DagsterInstance) -> None:
    """Whatever the log lacks: here the asset's step wrote, and its start and end can't be seen."""
    site = Site(instance, halved, **WAITS)
    run = half_a_graph(site)
    report(
        instance,
        run,
        "ASSET_MATERIALIZATION",
        "halved.second_half",
        StepMaterializationData(dg.AssetMaterialization("halved"), []),
    )
    instance.report_run_failed(run)
    site.tick(2, minutes=0.1)
    assert site.backend.told() == {"halved_dagster": {"START": 1}}
    assert list(site.progress.open) == [run.run_id]
    site.tick(2, minutes=2)
    assert site.backend.told() == {"halved_dagster": whole()}
    assert site.progress.open == {}


def test_a_run_of_many_assets_is_told_over_several_ticks_and_each_asset_built_once(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_PAGE", 7)
    names = [f"asset_{number:02}" for number in range(40)]

    @dg.multi_asset(specs=[dg.AssetSpec(name) for name in names])
    def many() -> Iterator[Any]:
        yield from (dg.MaterializeResult(name) for name in names)

    built: Counter[str] = Counter()
    build = EventBuilder.asset_events

    def counted(builder: EventBuilder, run: AssetRun) -> Iterator[Message]:
        built["/".join(run.path)] += 1
        return build(builder, run)

    monkeypatch.setattr(EventBuilder, "asset_events", counted)
    site = Site(instance, many, budget=0.0)
    site.run()
    reports = [site.tick()]
    while site.progress.open and len(reports) < 100:
        reports.append(site.tick())
    assert site.backend.told() == {f"{name}_dagster": whole() for name in names}
    assert len(site.backend.accepted) == 82
    assert max(report.accepted for report in reports) <= 16
    assert set(built.values()) == {1}


def test_quiet_runs_make_room_for_others_and_are_told_all_the_same(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "MAX_OPEN", 10)
    site = Site(instance, a, max_runtime=timedelta(days=2))
    quiet = [started_run(instance, site.repository) for _ in range(30)]
    for _ in range(5):
        site.tick()
        assert len(site.progress.open) <= 10
    assert site.backend.told() == {"a_dagster": {"START": 30}}
    assert site.progress.open.keys() | site.progress.parked.keys() == set(quiet)
    assert site.progress.undiscovered == 0
    ended, goes_on = list(site.progress.parked)[:2]
    run = instance.get_run_by_id(ended)
    assert run is not None
    instance.report_run_canceled(run)
    site.tick(2)
    assert site.backend.told() == {"a_dagster": {"START": 30, "ABORT": 1}}
    going = instance.get_run_by_id(goes_on)
    assert going is not None
    report(instance, going, "STEP_FAILURE", "a", StepFailureData(None, None))
    site.tick(3)
    assert site.backend.told() == {"a_dagster": {"START": 30, "ABORT": 1, "FAIL": 1}}
    site.tick(12, minutes=60 * 24)
    assert site.backend.told() == {"a_dagster": {"START": 30, "ABORT": 29, "FAIL": 1}}
    assert (site.progress.open, site.progress.parked) == ({}, {})


def test_a_parked_run_that_can_not_be_read_holds_nothing_up(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(instance, a, max_runtime=timedelta(days=2))
    run = instance.get_run_by_id(started_run(instance, site.repository))
    assert run is not None
    instance.report_run_failed(run)
    site.tick(2, minutes=5)
    assert list(site.progress.parked) == [run.run_id]
    read_page = reader.read_page

    def read(instance: dg.DagsterInstance, run_id: str, cursor: str | None) -> reader.LogPage:
        if run_id == run.run_id:
            raise OSError("database disk image is malformed")
        return read_page(instance, run_id, cursor)

    monkeypatch.setattr(reader, "read_page", read)
    site.run()
    site.tick(2)
    assert site.backend.told() == {"a_dagster": {"START": 2, "FAIL": 1, "COMPLETE": 1}}
    assert list(site.progress.parked) == [run.run_id]


def test_runs_that_find_no_room_are_a_backlog_and_trouble(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "MAX_OPEN", 3)
    monkeypatch.setattr(discovery, "MAX_PARKED", 2)
    site = Site(instance, a)
    for _ in range(9):
        started_run(instance, site.repository)
    report = site.tick(4)
    assert (len(site.progress.open), len(site.progress.parked), site.progress.undiscovered) == (2, 2, 5)
    assert "5 runs or more find no room yet, oldest" in report.summary()
    assert site.progress.is_stuck
    assert site.progress.lag > 0
    monkeypatch.setattr(discovery, "MAX_OPEN", 30)
    site.tick(2)
    assert (site.progress.undiscovered, site.progress.undiscovered_since) == (0, None)
    assert site.backend.told() == {"a_dagster": {"START": 9}}


def test_what_an_orphan_writes_after_its_end_was_told_follows(instance: dg.DagsterInstance) -> None:
    site = Site(instance, a, max_runtime=timedelta(days=2))
    run = instance.get_run_by_id(started_run(instance, site.repository))
    assert run is not None
    instance.report_run_failed(run)
    site.tick(2, minutes=5)
    assert site.backend.told() == {"a_dagster": {"START": 1, "FAIL": 1}}
    assert (site.progress.open, list(site.progress.parked)) == ({}, [run.run_id])
    site.tick(3, minutes=60)
    report(instance, run, "ASSET_MATERIALIZATION", "a", StepMaterializationData(dg.AssetMaterialization("a"), []))
    report(instance, run, "STEP_SUCCESS", "a", StepSuccessData(1.0))
    site.tick(2)
    assert site.backend.told() == {"a_dagster": {"START": 1, "FAIL": 1, "COMPLETE": 1}}
    site.tick(3, minutes=60 * 24)
    assert (site.progress.open, site.progress.parked) == ({}, {})


def test_the_events_of_a_step_that_checks_its_inputs_are_built_once(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a check stands for itself depends on whether its reader's events can be built."""
    names = [f"n{number}" for number in range(6)]
    outs = {name: dg.AssetOut(is_required=False) for name in names}
    checks = [dg.AssetCheckSpec("full", asset=name) for name in names]

    @dg.multi_asset(
        outs=outs,
        internal_asset_deps={name: {dg.AssetKey(names[0])} if name != names[0] else set() for name in names},
        check_specs=checks,
        can_subset=True,
    )
    def all_of_them() -> Iterator[Any]:
        for name in names:
            yield dg.Output(None, name)
            yield dg.AssetCheckResult(passed=True, asset_key=name, check_name="full")

    built: Counter[str] = Counter()
    build = EventBuilder.asset_events

    def counted(self: EventBuilder, run: AssetRun) -> Iterator[Message]:
        built[run.path[0]] += 1
        return build(self, run)

    monkeypatch.setattr(EventBuilder, "asset_events", counted)
    site = Site(instance, all_of_them)
    site.run()
    site.tick(4)
    assert built == dict.fromkeys(names, 1)
    assert site.progress.open == {}
    told = site.backend.told()
    assert all(told[f"{name}_dagster"] == whole() for name in names)
    # That of the asset which the others read is an assertion on their input.
    assert {job for job in told if "checks" in job} == {f"{name}.checks_dagster" for name in names[1:]}
