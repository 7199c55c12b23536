"""The bearer token and the web pages of other origins."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.transport.http import HttpConfig, HttpTransport

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, run_event
from tests.lineage_page import lineage_page
from weather_pipeline.lineage.audit import api_of
from weather_pipeline.lineage.marquez_api import BackendError, MarquezApi
from weather_pipeline.lineage.sinks import open_sink
from weather_pipeline.lineage.sinks.way import way_to
from weather_pipeline.marquez.client import LineageRequestFailed, MarquezClient
from weather_pipeline.stack.postgres import EmbeddedPostgres, free_port

pytestmark = pytest.mark.integration

TOKEN = "s3cr3t-0123456789_abc.~+/="  # all signs that a bearer token may have
PAGE = "https://lineage.example"


@pytest.fixture(scope="module")
def guarded(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageService]:
    directory = tmp_path_factory.mktemp("guarded")
    file = directory / "token"
    file.write_text(f"{TOKEN}\n")
    settings = {
        "WEATHER_LINEAGE_TOKEN_FILE": str(file),
        "WEATHER_LINEAGE_CORS_ORIGINS": f"{PAGE}, http://other:8080",
    }
    with LineageService(postgres.ensure_database("lineage_guarded"), directory / "service.log", **settings) as running:
        yield running
    assert TOKEN not in running.log()


def _bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe9",
    ],
)
def test_nobody_gets_in_without_the_token(guarded: LineageService, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}

    response = requests.get(f"{guarded.url}/api/v1/namespaces", headers=headers, timeout=30)

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert response.json()["code"] == 401
    assert TOKEN not in response.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/health"),
        ("GET", "/openapi.json"),
        ("GET", "/nowhere"),
        ("GET", "/"),
        ("POST", "/api/v1/lineage"),
        ("PUT", "/api/v1/namespaces/unasked"),
        ("DELETE", "/api/v1/namespaces/default"),
        ("OPTIONS", "/api/v1/namespaces"),
        ("GET", "/%68ealthcheck"),
        ("GET", "/healthcheck/"),
        ("GET", "/healthcheck/../api/v1/namespaces"),
        ("GET", "/api/v1/namespaces/%00"),
    ],
)
def test_every_path_wants_it(guarded: LineageService, method: str, path: str) -> None:
    session = requests.Session()
    request = session.prepare_request(requests.Request(method, guarded.url))
    request.url = guarded.url + path  # as it is, which `requests` would tidy up

    assert session.send(request, timeout=30).status_code == 401


def test_probes_need_none(guarded: LineageService) -> None:
    assert requests.get(f"{guarded.url}/healthcheck", timeout=30).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_the_token_lets_in(guarded: LineageService, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}

    assert requests.get(f"{guarded.url}/api/v1/namespaces", headers=headers, timeout=30).status_code == 200


def test_what_comes_without_the_token_is_not_stored(guarded: LineageService) -> None:
    event = run_event("COMPLETE", "2026-03-01T10:00:00Z", str(uuid.uuid4()), ("guarded", "unasked"))

    refused = guarded.post(event)

    assert refused.status_code == 401
    known = requests.get(f"{guarded.url}/api/v1/namespaces/guarded/jobs/unasked", headers=_bearer(), timeout=30)
    assert known.status_code == 404


def test_openlineages_client_sends_it(guarded: LineageService) -> None:
    config = HttpConfig.from_dict({"type": "http", "url": guarded.url, "auth": {"type": "api_key", "apiKey": TOKEN}})
    run_id = str(uuid.uuid4())
    client = OpenLineageClient(transport=HttpTransport(config))

    client.emit(
        RunEvent(
            eventType=RunState.COMPLETE,
            eventTime="2026-03-01T10:00:00Z",
            run=Run(run_id),
            job=Job("guarded", "client"),
            producer="urn:test",
        )
    )

    with MarquezClient(guarded.url, token=TOKEN) as reader:
        assert reader.run(run_id).state == "COMPLETED"


def test_the_clients_of_the_product_send_it(guarded: LineageService) -> None:
    config = HttpConfig.from_dict({"type": "http", "url": guarded.url, "auth": {"type": "api_key", "apiKey": TOKEN}})

    MarquezApi(guarded.url, HttpTransport(config)).check()
    api_of(way_to(open_sink(guarded.url, TOKEN)), None).check()
    with pytest.raises(BackendError, match=r"answered 401.*wants its token"):
        MarquezApi(guarded.url).check()
    with MarquezClient(guarded.url) as client, pytest.raises(LineageRequestFailed, match="wants its token"):
        client.namespaces()


def test_the_page_sends_it_and_shows_it_to_nobody(guarded: LineageService, monkeypatch: pytest.MonkeyPatch) -> None:
    with lineage_page(guarded.url) as page:
        assert requests.get(f"{page.url}/api/v1/namespaces", timeout=30).status_code == 401
    monkeypatch.setenv("WEATHER_LINEAGE_TOKEN", TOKEN)
    with lineage_page(guarded.url) as page:
        answers = [requests.get(f"{page.url}{path}", timeout=30) for path in ("/api/v1/namespaces", "/config.json")]
        _, log = page.stop()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any(TOKEN in text for text in (log, *(answer.text + str(answer.headers) for answer in answers)))


def test_a_page_of_a_configured_origin_may_ask_before_it_has_the_token(guarded: LineageService) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-encoding,content-type",
    }

    preflight = requests.options(f"{guarded.url}/api/v1/lineage", headers=asked, timeout=30)

    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == PAGE
    assert {"GET", "HEAD", "POST", "PUT", "DELETE"} <= set(
        preflight.headers["Access-Control-Allow-Methods"].split(", ")
    )
    assert "Access-Control-Allow-Credentials" not in preflight.headers


def test_a_page_of_a_configured_origin_reads_and_writes_with_the_token(guarded: LineageService) -> None:
    event = run_event(
        "COMPLETE", "2026-03-01T10:00:00Z", str(uuid.uuid4()), ("guarded", "page"), outputs=[dataset("guarded", "page")]
    )
    headers = {**_bearer(), "Origin": "http://other:8080"}
    tags = f"{guarded.url}/api/v1/namespaces/guarded/datasets/page/tags"

    posted = guarded.post(event, headers=headers)
    tagged = requests.post(f"{tags}/from-the-page", headers=headers, timeout=30)
    read = requests.get(f"{guarded.url}/api/v1/tags", headers=headers, timeout=30)
    unasked = requests.get(f"{guarded.url}/api/v1/tags", headers={"Origin": PAGE}, timeout=30)

    assert (posted.status_code, tagged.status_code, read.status_code) == (201, 200, 200)
    assert read.headers["Access-Control-Allow-Origin"] == "http://other:8080"
    assert (unasked.status_code, unasked.headers["Access-Control-Allow-Origin"]) == (401, PAGE)


@pytest.mark.parametrize("origin", ["https://lineage.example.evil", "http://lineage.example", "null", "https://evil"])
def test_other_pages_may_not(guarded: LineageService, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}

    preflight = requests.options(f"{guarded.url}/api/v1/namespaces", headers=asked, timeout=30)
    read = requests.get(f"{guarded.url}/api/v1/namespaces", headers={**_bearer(), "Origin": origin}, timeout=30)
    tag = f"{guarded.url}/api/v1/namespaces/guarded/datasets/page/tags/evil"
    tagged = requests.post(tag, headers={**_bearer(), "Origin": origin}, timeout=30)

    assert preflight.status_code == 400
    assert "Access-Control-Allow-Origin" not in {**preflight.headers, **read.headers}
    assert tagged.status_code == 403
    assert repr(origin) in tagged.json()["message"]


def test_without_origins_no_page_may(service: LineageService) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}

    preflight = requests.options(f"{service.url}/api/v1/namespaces", headers=asked, timeout=30)
    read = requests.get(f"{service.url}/api/v1/namespaces", headers={"Origin": PAGE}, timeout=30)

    assert preflight.status_code == 405
    assert not any(name.lower().startswith("access-control") for name in {**preflight.headers, **read.headers})


@pytest.mark.parametrize("path", ["/api/v1/namespaces", "/openapi.json", "/metrics", "/healthcheck", "/nowhere"])
def test_a_name_that_a_web_page_may_have_brought_is_told_nothing(service: LineageService, path: str) -> None:
    answer = requests.get(f"{service.url}{path}", headers={"Host": f"evil.example:{service.port}"}, timeout=30)

    assert (answer.status_code, answer.json()["code"]) == (421, 421)
    assert f"not 'evil.example:{service.port}'" in answer.json()["message"]
    assert all(way in answer.json()["message"] for way in ("WEATHER_LINEAGE_TOKEN", "--insecure"))


def test_nothing_is_stored_by_such_a_name(service: LineageService) -> None:
    event = run_event("COMPLETE", "2026-03-01T10:00:00Z", str(uuid.uuid4()), ("rebound", "job"))

    assert service.post(event, headers={"Host": "evil.example"}).status_code == 421
    assert requests.get(f"{service.url}/api/v1/namespaces/rebound/jobs/job", timeout=30).status_code == 404


@pytest.mark.parametrize("host", ["localhost:5000", "lineage.localhost", "192.0.2.1", "[::1]:5000"])
def test_this_machines_own_names_are_answered(service: LineageService, host: str) -> None:
    assert requests.get(f"{service.url}/api/v1/namespaces", headers={"Host": host}, timeout=30).status_code == 200


def test_with_a_token_any_name_will_do(guarded: LineageService) -> None:
    headers = {**_bearer(), "Host": "lineage.example"}

    assert requests.get(f"{guarded.url}/api/v1/namespaces", headers=headers, timeout=30).status_code == 200


def test_what_is_open_to_all_answers_to_any_name(new_database: Callable[[], str], tmp_path: Path) -> None:
    with LineageService(new_database(), tmp_path / "log", arguments=["--insecure"]) as service:
        answer = requests.get(f"{service.url}/api/v1/namespaces", headers={"Host": "lineage.example"}, timeout=30)

    assert answer.status_code == 200


def _start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "weather_pipeline.marquez.embedded", "--port", str(free_port()), *arguments]
    variables = {**os.environ, "WEATHER_LINEAGE_DATABASE_URL": "postgresql://nobody:hush@127.0.0.1:9/none"}
    return subprocess.run(
        command, env={**variables, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_machines_reach_it_only_where_somebody_said_so(host: str) -> None:
    ended = _start("--host", host)

    assert ended.returncode == 2
    assert f"On {host} other machines reach" in ended.stderr
    assert all(way in ended.stderr for way in ("WEATHER_LINEAGE_TOKEN", "WEATHER_LINEAGE_TOKEN_FILE", "--insecure"))


def test_an_open_address_with_a_token_or_without_one_on_purpose_is_taken() -> None:
    with_token = _start("--host", "192.0.2.1", WEATHER_LINEAGE_TOKEN=TOKEN)  # an address that no machine has
    open_to_all = _start("--host", "192.0.2.1", "--insecure")

    for ended in (with_token, open_to_all):
        assert ended.returncode == 1
        assert "can't listen on 192.0.2.1:" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert "hush" not in ended.stderr
        assert TOKEN not in ended.stderr


@pytest.mark.parametrize(
    ("content", "words"), [(None, "can't be read: No such file"), ("\n", "is empty. It must hold the token")]
)
def test_a_token_that_is_not_there_is_said(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)

    ended = _start(WEATHER_LINEAGE_TOKEN_FILE=str(file))

    assert ended.returncode == 1
    assert str(file) in ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
