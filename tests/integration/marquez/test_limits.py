"""One client, or one question, does not take the service away from the others."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event
from tests.integration.marquez.figures import Figures
from tests.integration.marquez.impatient import LIMITS
from tests.integration.marquez.wire import Wire
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

_JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def database_url(postgres: EmbeddedPostgres) -> str:
    return postgres.ensure_database("lineage_impatient")


@pytest.fixture(scope="module")
def impatient(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageService]:
    log = tmp_path_factory.mktemp("impatient") / "service.log"
    with LineageService(database_url, log, module="tests.integration.marquez.impatient") as running:
        yield running


@pytest.fixture
def wire(impatient: LineageService) -> Iterator[Wire]:
    with Wire(impatient.port) as connected:
        yield connected


def _event(name: str, size: int = 0) -> dict[str, Any]:
    facets = {"padding": facet(text="x" * size)}
    return run_event(
        "COMPLETE",
        "2026-03-01T10:00:00Z",
        str(uuid.uuid4()),
        ("limits", name),
        outputs=[dataset("limits", name, facets)],
    )


def _events(service: LineageService) -> int:
    return service.get("/api/v1/events/lineage?limit=0")["totalCount"]


def test_what_says_that_it_is_too_large_is_refused_before_it_is_sent(impatient: LineageService, wire: Wire) -> None:
    wire.send(
        "POST /api/v1/lineage HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {LIMITS.body_bytes + 1}",
        "Expect: 100-continue",
        "",
    )

    reply = wire.reply()

    assert (reply.status, reply.json()["code"]) == (413, 413)
    assert "larger than 100000 bytes" in reply.json()["message"]


def test_a_refused_body_may_still_be_sent_and_the_connection_goes_on(impatient: LineageService, wire: Wire) -> None:
    body = b" " * (LIMITS.body_bytes * 4)
    wire.send("POST /api/v1/lineage HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}", "")
    wire.send(body=body)
    refused = wire.reply()
    wire.send("GET /healthcheck HTTP/1.1", "")

    assert (refused.status, wire.reply().status) == (413, 200)


@pytest.mark.parametrize("how", ["chunked", "gzip"])
def test_what_turns_out_too_large_is_refused_and_nothing_of_it_stored(impatient: LineageService, how: str) -> None:
    before = _events(impatient)
    body = json.dumps(_event(f"large-{how}", LIMITS.body_bytes)).encode()
    chunks = (body[at : at + 1000] for at in range(0, len(body), 1000))
    data, headers = (chunks, {}) if how == "chunked" else (gzip.compress(body), {"Content-Encoding": "gzip"})

    response = requests.post(f"{impatient.url}/api/v1/lineage", data, headers={**_JSON, **headers}, timeout=30)

    assert response.status_code == 413
    assert _events(impatient) == before


def test_what_is_just_not_too_large_is_taken(impatient: LineageService) -> None:
    event = _event("fitting")
    event["run"]["facets"] = {"padding": facet(text="")}
    missing = LIMITS.body_bytes - len(json.dumps(event))
    event["run"]["facets"]["padding"]["text"] = "x" * missing

    impatient.accept(event)

    assert impatient.get("/api/v1/namespaces/limits/jobs/fitting")["name"] == "fitting"


def test_the_limit_is_a_setting(new_database: Callable[[], str], tmp_path: Path) -> None:
    with LineageService(new_database(), tmp_path / "log", WEATHER_LINEAGE_BODY_LIMIT="2000") as service:
        service.accept(_event("small"))

        assert service.post(_event("large", 2000)).status_code == 413


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/lineage"), ("PUT", "/api/v1/namespaces/slow"), ("PUT", "/api/v1/tags/slow")],
)
def test_a_body_that_trickles_is_cut_off(impatient: LineageService, wire: Wire, method: str, path: str) -> None:
    wire.send(f"{method} {path} HTTP/1.1", "Content-Type: application/json", "Content-Length: 50", "")
    wire.send(body=b"{")

    reply = wire.reply()

    assert (reply.status, reply.headers["connection"]) == (408, "close")
    assert "not there after 1 seconds" in reply.json()["message"]
    assert wire.is_ended()
    assert requests.get(f"{impatient.url}/api/v1/namespaces/slow", timeout=30).status_code == 404


def test_slow_senders_hold_no_connection_of_the_database(new_service: LineageService) -> None:
    senders = int(Figures(new_service).value("pool_connections_max", pool="requests")) + 4
    with contextlib.ExitStack() as resources:
        for number in range(senders):
            wire = resources.enter_context(Wire(new_service.port))
            wire.send(f"PUT /api/v1/tags/t{number} HTTP/1.1", "Content-Type: application/json", "Content-Length: 9", "")
        _until(lambda: Figures(new_service).value("http_requests_in_progress") == senders + 1)

        assert new_service.get("/api/v1/tags")


def test_slow_reads_delay_neither_events_nor_health(new_service: LineageService) -> None:
    reads = int(Figures(new_service).value("pool_connections_max", pool="requests"))
    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'tags'::regclass AND NOT granted"
    with ThreadPoolExecutor(reads) as pool:
        with psycopg.connect(new_service.database_url) as connection:
            connection.execute("LOCK TABLE tags IN ACCESS EXCLUSIVE MODE")
            asked = [pool.submit(requests.get, f"{new_service.url}/api/v1/tags", timeout=60) for _ in range(reads)]
            _until(lambda: connection.execute(waiting).fetchone() == (reads,))

            new_service.accept(_event("meanwhile"))
            health = requests.get(f"{new_service.url}/healthcheck", timeout=30)
            figures = Figures(new_service)
            connection.rollback()
        statuses = {each.result().status_code for each in asked}

    assert health.status_code == 200
    assert (figures.value("database_up"), figures.value("pool_connections_available", pool="requests")) == (1, 0)
    assert statuses == {200}


@pytest.mark.parametrize("head", ["", "GET /healthch", "GET /healthcheck HTTP/1.1\r\nHost: h", "\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(impatient: LineageService, wire: Wire, head: str) -> None:
    wire.send(body=head.encode())

    if head.strip():
        reply = wire.reply()
        assert (reply.status, reply.json()["code"], reply.headers["connection"]) == (408, 408, "close")
    assert wire.is_ended()


def test_a_head_that_trickles_after_an_answer_is_cut_off_too(impatient: LineageService, wire: Wire) -> None:
    wire.send("GET /healthcheck HTTP/1.1", "")
    assert wire.reply().status == 200

    wire.send(body=b"\r\nGET /")

    assert wire.reply().status == 408
    assert wire.is_ended()


def test_a_connection_is_kept_while_it_is_used(impatient: LineageService, wire: Wire) -> None:
    for _ in range(3):
        wire.send("GET /healthcheck HTTP/1.1", "")
        assert wire.reply().status == 200
        time.sleep(0.6)


@pytest.mark.parametrize(
    "head",
    [
        f"GET /{'x' * 10_000} HTTP/1.1\r\n\r\n",
        f"GET /healthcheck HTTP/1.1\r\nA: {'x' * 10_000}\r\n\r\n",
        "GET /healthcheck HTTP/1.1\r\n" + "A: b\r\n" * 10_000 + "\r\n",
        f"GET /{'x' * 600_000}",
        f"GET /healthcheck HTTP/1.1\r\nA: {'x' * 600_000}",
    ],
    ids=["address", "header", "headers", "endless address", "endless header"],
)
def test_a_head_that_is_too_large_is_refused(impatient: LineageService, wire: Wire, head: str) -> None:
    with contextlib.suppress(ConnectionError):  # it is refused while it is being sent
        wire.send(body=head.encode())

    if len(head) < 100_000:
        reply = wire.reply()
        assert (reply.status, reply.json()["code"]) == (431, 431)
        assert "larger than 10000 bytes" in reply.json()["message"]
    else:
        with contextlib.suppress(ConnectionError):
            assert wire.reply().status == 431


@pytest.mark.parametrize("size", [8_000, LIMITS.head_bytes + 100])
def test_a_head_in_pieces_counts_once(impatient: LineageService, wire: Wire, size: int) -> None:
    head = b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * size
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(0, len(head), 500):
        wire.send(body=head[at : at + 500])
        time.sleep(0.005)  # each of them arrives by itself
    wire.send("", "")

    assert wire.reply().status == (200 if size < LIMITS.head_bytes else 431)


def test_headers_after_a_chunked_body_are_counted_too(impatient: LineageService, wire: Wire) -> None:
    before = _events(impatient)
    body = json.dumps(_event("trailers")).encode()
    wire.send("POST /api/v1/lineage HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked", "")
    wire.send(f"{len(body):x}", body=body + b"\r\n0\r\n" + b"A: b\r\n" * 10_000)

    assert wire.reply().status == 431
    assert _events(impatient) == before


@pytest.mark.parametrize(
    "request_line", ["GARBAGE", "GET / HTTP/9.9", "GET /\xff HTTP/1.1", "GET http:// HTTP/1.1", "\x16\x03\x01 TLS"]
)
def test_what_is_no_http_is_answered_as_all_else(impatient: LineageService, wire: Wire, request_line: str) -> None:
    wire.socket.sendall(request_line.encode("latin-1") + b"\r\n\r\n")

    reply = wire.reply()

    assert (reply.status, reply.json()["code"]) == (400, 400)
    assert wire.is_ended()


def test_one_connection_too_many_is_told_to_come_back(impatient: LineageService) -> None:
    with contextlib.ExitStack() as resources:
        served = [resources.enter_context(Wire(impatient.port)) for _ in range(LIMITS.connections)]
        for each in served:
            each.send("GET /healthcheck HTTP/1.1", "")
            assert each.reply().status == 200
        full = requests.get(f"{impatient.url}/healthcheck", timeout=30)
        with Wire(impatient.port):
            # One that is too many and says nothing takes nothing from those that were there before.
            served[1].send("GET /healthcheck HTTP/1.1", "")
            assert served[1].reply().status == 200
        served[0].send("GET /healthcheck HTTP/1.1", "Connection: close", "")
        assert served[0].reply().status == 200
        assert served[0].is_ended()
        again = requests.get(f"{impatient.url}/healthcheck", timeout=30)

    assert (full.status_code, full.json()["code"], full.headers["Connection"]) == (503, 503, "close")
    assert int(full.headers["Retry-After"]) > 0
    assert again.status_code == 200


def test_a_crowd_is_turned_away(impatient: LineageService) -> None:
    with contextlib.ExitStack() as resources:
        crowd = [resources.enter_context(Wire(impatient.port)) for _ in range(LIMITS.connections * 2 + 1)]

        assert crowd[-1].is_ended()


def test_an_answer_that_nobody_takes_is_given_up(impatient: LineageService, wire: Wire) -> None:
    for _ in range(200):  # more than the system keeps for both ends
        impatient.accept(_event("taken", 90_000))

    wire.send("GET /api/v1/events/lineage?limit=200 HTTP/1.1", "")

    _until(lambda: _is_reset(wire))


def test_a_query_that_takes_too_long_is_given_up(impatient: LineageService, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        asked = requests.get(f"{impatient.url}/api/v1/jobs", timeout=30)
        event = _event("locked")
        posted = impatient.post(event)

    assert (asked.status_code, posted.status_code) == (503, 503)
    assert "took too long" in asked.json()["message"]
    assert int(asked.headers["Retry-After"]) == int(posted.headers["Retry-After"]) == 10
    assert requests.get(f"{impatient.url}/api/v1/namespaces/limits/jobs/locked", timeout=30).status_code == 404
    impatient.accept(event)
    assert "Traceback" not in impatient.log()


def test_a_database_that_stands_still_is_not_waited_for(impatient: LineageService, database_url: str) -> None:
    impatient.get("/healthcheck")
    with psycopg.connect(database_url) as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'weather-lineage'"
        pids = [pid for (pid,) in connection.execute(query).fetchall()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        frozen = requests.get(f"{impatient.url}/api/v1/jobs", timeout=60)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    assert (frozen.status_code, frozen.headers["Retry-After"]) == (503, "10")
    _until(lambda: requests.get(f"{impatient.url}/api/v1/jobs", timeout=30).ok)


def test_a_sender_that_goes_away_leaves_no_trace(impatient: LineageService) -> None:
    def cut_off() -> float:
        return Figures(impatient).value("http_requests_total", method="POST", status="400")

    before, cut_off_before = _events(impatient), cut_off()
    with Wire(impatient.port) as wire:
        wire.send("POST /api/v1/lineage HTTP/1.1", "Content-Type: application/json", "Content-Length: 50", "")

    _until(lambda: cut_off() == cut_off_before + 1)
    assert _events(impatient) == before
    assert "Traceback" not in impatient.log()


def test_a_batch_that_takes_too_long_is_stored_event_by_event(impatient: LineageService, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        # Endless where another job was stored in the same transaction.
        connection.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF EXISTS (SELECT FROM jobs WHERE xmin::text = pg_current_xact_id()::text) THEN PERFORM pg_sleep(60); "
            "END IF; RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER dawdle BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.name LIKE 'batched%') "
            "EXECUTE FUNCTION dawdle()"
        )
    try:
        before = _events(impatient)
        batch = [_event(f"batched{number}") for number in range(3)]
        answered = requests.post(f"{impatient.url}/api/v1/lineage/batch", json=batch, timeout=30)
    finally:
        with psycopg.connect(database_url) as connection:
            connection.execute("DROP FUNCTION dawdle() CASCADE")

    assert answered.json()["summary"]["successful"] == 3
    assert _events(impatient) == before + 3


def _is_reset(wire: Wire) -> bool:
    """Whether the other end has dropped the connection; nothing of the answer is read."""
    try:
        wire.socket.send(b" ")
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def _until(holds: Callable[[], bool], timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
