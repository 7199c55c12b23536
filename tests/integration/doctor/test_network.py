"""Why a source can't be reached: each obstacle is a real one."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from tests.integration.doctor.conftest import Answers, Look
from tests.integration.sources.edr_server import KEY, edr_server
from tests.integration.sources.misbehaving import misbehaving
from tests.tools import openssl
from weather_pipeline.doctor import web
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.web import Failure, Obstacle, get
from weather_pipeline.settings import SourceName
from weather_pipeline.sources.knmi_api import DATASET
from weather_pipeline.sources.misbehaviour import Answer
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.stack.ports import free_port

pytestmark = pytest.mark.integration

Serve = Callable[[Answers], str]


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def hanging_up() -> Iterator[str]:
    """A server that ends every connection at once."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.recv(1000)
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """A TLS server whose certificate nobody trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl(), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            try:
                connection, _ = server.accept()
                with connection:
                    context.wrap_socket(connection, server_side=True)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        server.close()
        thread.join()


def failure(url: str) -> Failure:
    found = get(url)
    assert isinstance(found, Failure), found
    assert "s3cr3t" not in found.found + found.cause + found.remedy + str(found)
    return found


def test_nobody_listens() -> None:
    port = free_port()
    found = failure(f"http://me:s3cr3t@127.0.0.1:{port}/x")
    assert found.obstacle is Obstacle.REFUSED
    assert found.found == f"nothing listens at 127.0.0.1:{port}"


def test_the_name_is_not_known() -> None:
    assert failure("http://me:s3cr3t@no-such-host.invalid/").obstacle is Obstacle.NO_NAME


def test_no_answer_in_time(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_TIMEOUT", (0.3, 0.3))
    assert failure(silent).obstacle is Obstacle.TIMEOUT


def test_the_connection_breaks_off(hanging_up: str) -> None:
    assert failure(hanging_up).obstacle is Obstacle.BROKEN


def test_tls_with_a_server_that_has_none(serve: Serve) -> None:
    url = serve(lambda method, target: (200, {}, ""))
    found = failure(url.replace("http:", "https:"))
    assert found.obstacle is Obstacle.TLS
    assert "does not speak TLS" in found.found
    assert "plain HTTP" in found.cause


def test_a_certificate_that_nobody_trusts(self_signed: str) -> None:
    found = failure(self_signed)
    assert found.obstacle is Obstacle.TLS
    assert "signed by nobody this machine trusts" in found.found


def test_a_proxy_that_refuses_the_tunnel(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(lambda method, target: (403, {}, ""))
    monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//me:s3cr3t@"))
    found = failure("https://api.example/")
    assert found.obstacle is Obstacle.PROXY_REFUSAL
    assert found.found == f"the proxy {proxy} refused to pass the request on to api.example (403 Forbidden)"


def test_a_proxy_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//me:s3cr3t@"))
    found = failure("https://api.example/")
    assert (found.obstacle, found.proxy) == (Obstacle.PROXY, proxy)


def test_this_machine_is_asked_past_the_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert isinstance(get(serve(lambda method, target: (200, {}, ""))), web.Answer)


def test_an_open_meteo_that_answers(serve: Serve, look: Look) -> None:
    url = serve(lambda method, target: (400, {"Content-Type": "application/json"}, "{}"))
    finding = look("network", open_meteo_url=url, source=SourceName.OPEN_METEO)
    assert (finding.status, finding.found) == (Status.OK, f"{url} answers")


def test_a_proxy_that_answers_in_its_place(serve: Serve, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(lambda method, target: (407, {"Content-Type": "text/html"}, "who are you?"))
    monkeypatch.setenv("HTTP_PROXY", proxy)
    finding = look("network", open_meteo_url="http://api.example", source=SourceName.OPEN_METEO)
    assert finding.status is Status.PROBLEM
    assert f"the proxy {proxy} refused" in finding.found


def test_what_is_away_is_a_warning_unless_insisted_on(look: Look) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert look("network", open_meteo_url=url, source=SourceName.AUTO).status is Status.WARNING
    assert look("network", open_meteo_url=url, source=SourceName.OPEN_METEO).status is Status.PROBLEM
    assert look("network", open_meteo_url=url, source=SourceName.REPLAY).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("source", "setting", "path"),
    [
        (SourceName.AUTO, "open_meteo_url", "/v1/forecast"),
        (SourceName.OPEN_METEO, "open_meteo_url", "/v1/forecast"),
        (SourceName.OPEN_METEO_ARCHIVE, "open_meteo_archive_url", "/v1/archive"),
        (SourceName.KNMI, "knmi_url", f"/{DATASET[1]}"),
    ],
)
def test_the_source_that_is_set_is_asked_with_its_key(source: SourceName, setting: str, path: str, look: Look) -> None:
    subscription = "made-up-key"
    given = {"knmi_api_key": SecretStr(KEY), "open_meteo_api_key": SecretStr(subscription), "source": source}
    with misbehaving(Answer(body=b"{}")) as server:
        finding = look("network", **given, **{setting: server.url})
    assert (finding.status, finding.found) == (Status.OK, f"{server.url} answers")
    (request,) = server.requests
    assert urlsplit(request).path == path
    sent_in = server.authorizations[0] if source is SourceName.KNMI else parse_qs(urlsplit(request).query)["apikey"][0]
    assert sent_in == (KEY if source is SourceName.KNMI else subscription)


def test_a_replay_server_answers_for_both_of_open_meteos_apis(look: Look) -> None:
    with ReplayServer() as server:
        for source in (SourceName.OPEN_METEO, SourceName.OPEN_METEO_ARCHIVE):
            given = {"open_meteo_url": server.url, "open_meteo_archive_url": server.url, "source": source}
            assert look("network", **given).status is Status.OK


def test_a_key_for_knmi_is_tried(look: Look) -> None:
    with edr_server() as server:
        right = look("network", source=SourceName.KNMI, knmi_url=server.url, knmi_api_key=SecretStr(KEY))
        wrong = look("network", source=SourceName.KNMI, knmi_url=server.url, knmi_api_key=SecretStr("wr0ng-key"))
        nowhere = look("network", source=SourceName.KNMI, knmi_url=f"{server.url}/edr", knmi_api_key=SecretStr(KEY))
    assert (right.status, right.found) == (Status.OK, f"{server.url} answers")
    assert wrong.status is Status.PROBLEM
    assert wrong.found == f"{server.url} answers, but refuses the key (403)."
    assert "WEATHER_KNMI_API_KEY" in wrong.cause
    assert nowhere.found == f"{server.url}/edr answers, but knows no /{DATASET[1]} (404)."
    assert "WEATHER_KNMI_URL" in nowhere.remedy
    assert KEY not in f"{right}{nowhere}"
    assert "wr0ng-key" not in str(wrong)


@pytest.mark.parametrize(
    ("source", "answer", "status", "words"),
    [
        (SourceName.KNMI, Answer(401, b'{"error":"Authorization field missing"}'), Status.PROBLEM, "refuses the key"),
        (SourceName.KNMI, Answer(403, b'{"error":"Quota exceeded"}'), Status.WARNING, "refuses more requests for now"),
        (SourceName.KNMI, Answer(429, b'{"error":"Rate limit"}'), Status.WARNING, "refuses more requests for now"),
        (SourceName.KNMI, Answer(503), Status.WARNING, "with an error of its own"),
        (SourceName.KNMI, Answer(302, headers={"Location": "/"}), Status.PROBLEM, "but redirects"),
        (
            SourceName.OPEN_METEO,
            Answer.reason(400, "The supplied API key is invalid."),
            Status.PROBLEM,
            "refuses the key",
        ),
        (SourceName.OPEN_METEO_ARCHIVE, Answer.reason(429, "Daily API request limit"), Status.WARNING, "more requests"),
    ],
)
def test_what_a_source_answers_is_told_apart(
    source: SourceName, answer: Answer, status: Status, words: str, look: Look
) -> None:
    with misbehaving(answer) as server:
        urls = dict.fromkeys(("open_meteo_url", "open_meteo_archive_url", "knmi_url"), server.url)
        finding = look("network", source=source, knmi_api_key=SecretStr(KEY), **urls)
    assert finding.status is status
    assert words in finding.found
    assert len(server.requests) == 1


def test_a_source_that_is_away_is_called_by_its_name(look: Look) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    archive = look("network", open_meteo_archive_url=url, source=SourceName.OPEN_METEO_ARCHIVE)
    assert archive.found.startswith("Open-Meteo's archive can't be reached: nothing listens")
    knmi = look("network", knmi_url=url, source=SourceName.KNMI, knmi_api_key=SecretStr(KEY))
    assert knmi.found.startswith("KNMI can't be reached: nothing listens")
    assert KEY not in str(knmi)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": SourceName.KNMI}, "KNMI wants an API key. Set WEATHER_KNMI_API_KEY"),
        ({"source": SourceName.KNMI, "knmi_api_key_file": Path("/missing/key")}, "can't be read: No such file"),
        ({"source": SourceName.KNMI, "knmi_api_key": SecretStr("two words")}, "holds no key"),
        (
            {"open_meteo_api_key": SecretStr(KEY), "open_meteo_api_key_file": Path("/missing/key")},
            "WEATHER_OPEN_METEO_API_KEY and WEATHER_OPEN_METEO_API_KEY_FILE are both set",
        ),
    ],
)
def test_a_key_that_is_missing_or_cannot_be_read_is_a_problem_before_anything_is_asked(
    given: dict[str, Any], words: str, look: Look
) -> None:
    with misbehaving(Answer(body=b"{}")) as server:
        finding = look("network", open_meteo_url=server.url, knmi_url=server.url, **given)
    assert finding.status is Status.PROBLEM
    assert words in finding.found
    assert "API_KEY_FILE" in finding.remedy
    assert server.requests == []
    assert KEY not in str(finding)


def test_a_server_whose_clock_differs(serve: Serve, look: Look) -> None:
    date = {"Date": "Sat, 01 Jan 2000 00:00:00 GMT", "Content-Type": "application/json"}
    url = serve(lambda method, target: (200, date, "{}"))
    finding = look("clock", open_meteo_url=url)
    assert finding.status is Status.PROBLEM
    assert finding.found.endswith(f"days ahead of the clock of {url.removeprefix('http://')}.")
