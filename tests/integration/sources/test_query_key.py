"""The key of a subscription goes to its server, and nowhere else: however that server fails."""

from __future__ import annotations

import json
import logging
import ssl
import subprocess
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.sources.misbehaving import Answer, misbehaving
from tests.tools import openssl
from weather_pipeline.errors import SourceRejected, WeatherPipelineError
from weather_pipeline.sources.misbehaviour import Kind, Misbehaviour
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.open_meteo_api import ARCHIVE, FORECAST, Api
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.stack.postgres import free_port
from weather_pipeline.store.lake import write_bronze
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.locations import LOCATIONS

pytestmark = pytest.mark.integration

KEY = "s3cr3t-key.with~signs"
FORMS = (KEY, quote(KEY, safe=""), KEY.replace("~", "%7E"), KEY.replace("~", "%7e"))
HOUR = datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever any library says while the test runs must be without the key."""
    with caplog.at_level(logging.DEBUG):
        yield
    records = caplog.get_records("call")
    assert any(record.name.startswith("urllib3") for record in records)
    assert_without_key([[record.getMessage(), record.args, record.exc_text] for record in records])


def fetch(url: str, api: Api = FORECAST, *, timeout: tuple[float, float] = (5, 10)) -> Fetched:
    with OpenMeteoSource(url, api=api, api_key=KEY, first_wait=0, timeout=timeout) as source:
        return source.fetch(LOCATIONS, HOUR, HOUR + timedelta(hours=1))


def assert_without_key(found: object) -> None:
    text = repr(found)
    for form in FORMS:
        assert form not in text
        assert form not in json.dumps(text)


def assert_error_without_key(error: BaseException) -> None:
    """The message, the traceback, and what every exception behind it holds: requests' hold the request."""
    assert_without_key("".join(traceback.format_exception(error)))
    chain: list[BaseException] = [error]
    for each in chain:
        chain += [other for other in (each.__cause__, each.__context__) if other is not None and other not in chain]
        assert_without_key([each.args, vars(each)])
        request = getattr(each, "request", None)
        assert_without_key([getattr(request, "url", None), getattr(request, "path_url", None)])
    assert chain


@pytest.mark.parametrize("api", [FORECAST, ARCHIVE])
def test_the_server_gets_the_key_and_nothing_that_is_stored_has_it(api: Api, tmp_path: Path) -> None:
    with misbehaving(Answer.reason(400, "no")) as server, pytest.raises(SourceRejected):
        fetch(server.url, api)
    assert server.requests[0].startswith(f"/{api.path}?latitude=")
    assert server.requests[0].endswith(f"&timezone=GMT&apikey={KEY}")
    with ReplayServer() as replay:
        fetched = fetch(replay.url, api)
    assert_without_key(fetched)
    (stored,) = write_bronze(LocalStore(tmp_path), fetched, start=HOUR, end=HOUR + timedelta(hours=1))
    assert_without_key(stored)
    for path in tmp_path.rglob("*.parquet"):
        for form in FORMS:
            assert form.encode() not in path.read_bytes()


@pytest.mark.parametrize("kind", Kind)
def test_no_way_in_which_the_server_fails_shows_the_key(kind: Kind) -> None:
    with ReplayServer(plan=[Misbehaviour(kind)]) as server:
        try:
            fetched = fetch(server.url, timeout=(5, 0.2 if kind is Kind.SLOW else 10))
        except WeatherPipelineError as error:
            assert_error_without_key(error)
        else:
            assert fetched.lacks
            assert_without_key(fetched)
        assert server.answered


@pytest.mark.parametrize(
    "answer",
    [
        Answer.reason(400, f"apikey={KEY} is wrong"),
        Answer.reason(403, f"The supplied API key {FORMS[3]} is invalid."),
        Answer(400, json.dumps({"error": True, "reason": KEY}).replace("/", "\\/").encode()),
        Answer.reason(429, f"Daily limit of {KEY} exceeded."),
        Answer(500, f"GET /v1/forecast?apikey={KEY} failed".encode()),
        Answer(200, f"<html>/v1/forecast?apikey={KEY}".encode()),
        Answer(200, f"[Unexpected error while streaming data: {KEY}".encode()),
        Answer(200, json.dumps({"error": True, "reason": KEY}).encode()),
        Answer(302, b"", {"Location": f"/v1/forecast?apikey={KEY}"}),
        Answer(302, b"", {"Location": f"http://127.0.0.1:9/?apikey={KEY}"}),
        Answer(200, b"{", missing=5),
    ],
)
def test_a_server_that_says_the_key_back_is_not_repeated(answer: Answer) -> None:
    with misbehaving(answer) as server, pytest.raises(WeatherPipelineError) as caught:
        fetch(server.url)
    assert_error_without_key(caught.value)
    assert {request.split("?")[0] for request in server.requests} == {"/v1/forecast"}


def test_a_server_that_is_not_there_shows_no_key() -> None:
    with pytest.raises(WeatherPipelineError, match="can't be reached") as caught:
        fetch(f"http://127.0.0.1:{free_port()}")
    assert_error_without_key(caught.value)


def test_a_wrong_key_is_told_apart() -> None:
    with (
        misbehaving(Answer.reason(400, "The supplied API key is invalid.")) as server,
        pytest.raises(SourceRejected, match=r"API key is invalid\. Check WEATHER_OPEN_METEO_API_KEY"),
    ):
        fetch(server.url)
    assert len(server.requests) == 1


def test_a_redirect_is_not_followed_and_says_so() -> None:
    answer = Answer(301, b"", {"Location": "https://elsewhere.example/"})
    with (
        misbehaving(answer) as server,
        pytest.raises(SourceRejected, match=r"answered 301: Moved Permanently\. Redirects are not followed"),
    ):
        fetch(server.url)


def test_through_a_proxy_the_key_is_sent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with misbehaving(Answer.reason(400, "no")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(SourceRejected) as caught:
            fetch("http://weather.example")
    assert_error_without_key(caught.value)
    assert proxy.requests[0].startswith("http://weather.example/v1/forecast?")
    assert proxy.requests[0].endswith(f"&apikey={KEY}")


def test_over_tls_the_key_is_sent_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(private), "-out", str(certificate)]
    command = [openssl(), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with misbehaving(Answer.reason(400, "no"), tls=context) as server, pytest.raises(SourceRejected) as caught:
        fetch(server.url)
    assert_error_without_key(caught.value)
    assert server.url.startswith("https://")
    assert server.requests[0].endswith(f"&apikey={KEY}")
