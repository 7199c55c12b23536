"""OpenLineage's own transports and configuration, each with acceptance that is known. Real servers on loopback."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from openlineage.client.event_v2 import RunEvent, RunState
from openlineage.client.transport import Transport
from openlineage.client.transport.transform import EventTransformer

from tests.collector import Collector
from tests.small_disk import small_disk
from weather_pipeline.lineage.answers import Answer, Sink, Verdict, ask, send_body
from weather_pipeline.lineage.facets import runs
from weather_pipeline.lineage.facets.base import present
from weather_pipeline.lineage.identity import run_id_for
from weather_pipeline.lineage.messages import (
    DatasetDescription,
    JobDescription,
    Message,
    RunDescription,
    run_message,
)
from weather_pipeline.lineage.model import DatasetRef, Origin
from weather_pipeline.lineage.sinks import HttpSink, open_sink
from weather_pipeline.lineage.sinks.others import DisabledSink

pytestmark = pytest.mark.integration

AT = datetime(2026, 1, 1, tzinfo=UTC)
Configure = Callable[..., Sink]


def message(number: int = 0, *, job: str = "orders_dagster", state: RunState = RunState.START) -> Message:
    """An event of a run; with an empty facet, which no backend should get."""
    return run_message(
        "start" if state is RunState.START else "end",
        state,
        AT,
        run=RunDescription(
            run_id_for(str(number), AT, ["orders"]), present(processing_engine=runs.processing_engine("1", "2"))
        ),
        job=JobDescription("shop", job, {}),
        inputs=[DatasetDescription(DatasetRef("file", "in"), Origin.LOG)],
        outputs=[],
    )


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Configure:
    """Opens the sink of an `openlineage.yml`."""

    def opened(transport: dict[str, Any] | None = None, *, default_url: str | None = None, **others: Any) -> Sink:
        path = tmp_path / "openlineage.yml"
        path.write_text(json.dumps({**({"transport": transport} if transport else {}), **others}))  # JSON is YAML
        monkeypatch.setenv("OPENLINEAGE_CONFIG", str(path))
        return open_sink(default_url)

    return opened


def accepted(sink: Sink) -> None:
    """Send an event, which must be accepted."""
    assert ask(sink, message()) == Answer(Verdict.ACCEPTED)


def refused_for_now(sink: Sink) -> str:
    """Send an event, which must have to wait; returns why."""
    answer = ask(sink, message())
    assert answer.verdict is Verdict.LATER
    return answer.reason


# HTTP


@pytest.fixture
def backend() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.mark.parametrize("kind", ["http", "async_http"])
def test_http_with_a_key_headers_and_compression(configure: Configure, backend: Collector, kind: str) -> None:
    sink = configure(
        {
            "type": kind,
            "url": backend.url,
            "endpoint": "api/v1/elsewhere",
            "auth": {"type": "api_key", "apiKey": "k3y"},
            "custom_headers": {"X-Team": "data"},
            "compression": "gzip",
        }
    )
    accepted(sink)
    assert backend.requests == [message().body()]
    (headers,) = backend.headers
    assert headers["Authorization"] == "Bearer k3y"
    assert headers["X-Team"] == "data"
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Type"] == "application/json"


def test_datadog_is_http(configure: Configure, backend: Collector) -> None:
    accepted(configure({"type": "datadog", "apiKey": "k3y", "site": backend.url}))
    assert backend.headers[0]["Authorization"] == "Bearer k3y"


def test_credentials_in_the_address_are_used_and_never_shown(configure: Configure, backend: Collector) -> None:
    sink = configure({"type": "http", "url": f"http://me:s3cret@127.0.0.1:{backend.port}"})
    accepted(sink)
    assert backend.headers[0]["Authorization"] == "Basic " + b64encode(b"me:s3cret").decode()
    backend.stop()
    assert "s3cret" not in refused_for_now(sink)
    assert "s3cret" not in sink.name


def test_the_legacy_variables(backend: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", backend.url)
    monkeypatch.setenv("OPENLINEAGE_ENDPOINT", "events")
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "k3y")
    for name in ("URL", "TYPE", "AUTH", "ENDPOINT"):  # the client copies them there
        monkeypatch.setenv(f"OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__{name}", "")
    accepted(open_sink("http://127.0.0.1:9"))
    assert backend.headers[0]["Authorization"] == "Bearer k3y"


def test_the_default_address_is_for_where_nothing_is_configured(configure: Configure, backend: Collector) -> None:
    accepted(configure(default_url=backend.url))


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, Verdict.REFUSED),
        (401, Verdict.LATER),
        (404, Verdict.LATER),
        (405, Verdict.DOUBTFUL),
        (408, Verdict.LATER),
        (413, Verdict.REFUSED),
        (422, Verdict.REFUSED),
        (425, Verdict.LATER),
        (429, Verdict.LATER),
        (500, Verdict.DOUBTFUL),
        (503, Verdict.LATER),
        (507, Verdict.LATER),
    ],
)
def test_what_an_answer_says(backend: Collector, status: int, verdict: Verdict) -> None:
    backend.behave = lambda event: (status, "because")
    assert ask(open_sink(backend.url), message()) == Answer(verdict, f"HTTP {status}: because")


def test_marquez_wraps_a_refusal_into_a_500(backend: Collector) -> None:
    backend.behave = lambda event: (500, '{"code": 400, "message": "bad"}')
    assert ask(open_sink(backend.url), message()).verdict is Verdict.REFUSED


@pytest.mark.parametrize("date", [False, True])
def test_retry_after_is_seconds_or_a_date(backend: Collector, date: bool) -> None:
    backend.behave = lambda event: (429, "slowly")
    at = datetime.now(UTC) + timedelta(seconds=900)
    backend.answer_headers = {"Retry-After": format_datetime(at, usegmt=True) if date else "900"}
    answer = ask(open_sink(backend.url), message())
    assert answer.retry_after is not None
    assert 800 < answer.retry_after <= 900


def test_a_connection_that_breaks_leaves_open_who_is_to_blame(backend: Collector) -> None:
    backend.hang = 0.0
    backend.behave = lambda event: (0, "")
    sink = open_sink(backend.url)
    assert ask(sink, message()).verdict is Verdict.DOUBTFUL
    backend.behave = lambda event: (201, "")
    accepted(sink)


def test_connections_are_kept(backend: Collector) -> None:
    sink = open_sink(backend.url)
    for _ in range(5):
        accepted(sink)
    backend.behave = lambda event: (503, "x" * 10_000)
    refused_for_now(sink)
    assert backend.connections == 1


def test_an_endless_answer_is_not_read_to_its_end(backend: Collector) -> None:
    backend.behave = lambda event: (503, "x" * 5_000_000)
    sink = open_sink(backend.url)
    assert len(refused_for_now(sink)) < 1000
    backend.behave = lambda event: (201, "")
    accepted(sink)


# TLS


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        certificate = self._certificate(self._name, self._key, ca=True)
        self.path = directory / "ca.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, paths = self._certificate(subject, key), (self._directory / f"{name}.pem", self._directory / name)
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def over_tls(authority: Authority, *, mutual: bool = False) -> Iterator[Collector]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.path)
    collector = Collector()
    collector.tls = context
    with collector:
        yield collector


def test_tls_with_an_authority_of_ones_own(configure: Configure, authority: Authority) -> None:
    with over_tls(authority) as backend:
        url = f"https://127.0.0.1:{backend.port}"
        assert "certificate" in refused_for_now(configure({"type": "http", "url": url})).lower()
        accepted(configure({"type": "http", "url": url, "sslContext": {"caCertPath": str(authority.path)}}))
        assert len(backend.events) == 1


def test_a_client_certificate(configure: Configure, authority: Authority) -> None:
    certificate, key = authority.issue("client")
    with over_tls(authority, mutual=True) as backend:
        transport = {"type": "http", "url": f"https://127.0.0.1:{backend.port}"}
        without = configure({**transport, "sslContext": {"caCertPath": str(authority.path)}})
        assert not ask(without, message()).verdict.is_done
        accepted(
            configure(
                {
                    **transport,
                    "sslContext": {
                        "caCertPath": str(authority.path),
                        "clientCertPath": str(certificate),
                        "clientKeyPath": str(key),
                    },
                }
            )
        )


# Tokens and proxies


class TokenEndpoint:
    """An OAuth server's token endpoint."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.asked.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                body = json.dumps({"access_token": "t0ken", "expires_in": 3600}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "jwt", "apiKey": "s3cret"},
        {"type": "oauth2", "clientId": "me", "clientSecret": "s3cret"},
    ],
    ids=lambda auth: auth["type"],
)
def test_a_token_that_an_endpoint_gives(configure: Configure, backend: Collector, auth: dict[str, str]) -> None:
    endpoint = TokenEndpoint()
    sink = configure({"type": "http", "url": backend.url, "auth": {**auth, "tokenEndpoint": endpoint.url}})
    accepted(sink)
    accepted(sink)
    assert backend.headers[0]["Authorization"] == "Bearer t0ken"
    assert len(endpoint.asked) == 1, "the token is kept"
    endpoint.stop()
    anew = configure({"type": "http", "url": backend.url, "auth": {**auth, "tokenEndpoint": endpoint.url}})
    assert "s3cret" not in refused_for_now(anew)
    assert len(backend.events) == 2


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Everything that comes from one end goes to the other, until that one hangs up."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class Proxy:
    """A forward proxy, for plain HTTP and, by CONNECT, for anything."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                proxy.asked.append((self.path, self.headers.get("Proxy-Authorization")))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                address, _, path = self.path.removeprefix("http://").partition("/")
                host, _, port = address.partition(":")
                with socket.create_connection((host, int(port))) as upstream:
                    head = f"POST /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(body)}\r\n\r\n"
                    upstream.sendall(head.encode() + body)
                    self.wfile.write(upstream.recv(65536))

            def do_CONNECT(self) -> None:
                proxy.asked.append((self.path, self.headers.get("Proxy-Authorization")))
                host, _, port = self.path.partition(":")
                with socket.create_connection((host, int(port))) as upstream:
                    self.send_response(200)
                    self.end_headers()
                    back = threading.Thread(target=pass_on, args=(upstream, self.connection), daemon=True)
                    back.start()
                    pass_on(self.connection, upstream)
                    back.join()
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_proxy(backend: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    monkeypatch.setenv("http_proxy", f"http://me:s3cret@{proxy.address}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    sink = open_sink(backend.url)
    accepted(sink)
    assert proxy.asked == [
        (f"{backend.url}/api/v1/lineage", "Basic " + b64encode(b"me:s3cret").decode()),
    ]
    assert backend.events[0]["run"] == message().body()["run"]
    proxy.stop()
    assert "s3cret" not in refused_for_now(sink)


def test_a_proxy_for_https(configure: Configure, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    monkeypatch.setenv("https_proxy", f"http://me:s3cret@{proxy.address}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with over_tls(authority) as backend:
        url = f"https://127.0.0.1:{backend.port}"
        sink = configure({"type": "http", "url": url, "sslContext": {"caCertPath": str(authority.path)}})
        accepted(sink)
        assert len(backend.events) == 1
        assert proxy.asked == [(f"127.0.0.1:{backend.port}", "Basic " + b64encode(b"me:s3cret").decode())]
    proxy.stop()


@pytest.mark.parametrize("at_once", ["", "HTTP/1.1 201 Created\r\nContent-Length: 20\r\n\r\n"])
def test_an_answer_that_comes_drop_by_drop_is_none_in_time(configure: Configure, at_once: str) -> None:
    """Each byte comes in time, the whole does not."""
    whole = "HTTP/1.1 201 Created\r\nContent-Length: 20\r\n\r\n" + 20 * "x"

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(at_once.encode())
            for byte in whole.removeprefix(at_once).encode():
                time.sleep(0.1)
                connection.sendall(bytes([byte]))

    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=drip, args=(server,))
        dripping.start()
        sink = configure({"type": "http", "url": f"http://127.0.0.1:{server.getsockname()[1]}", "timeout": 0.5})
        answer = ask(sink, message())
        assert (answer.verdict, "No answer within 0.5 s" in answer.reason) == (Verdict.DOUBTFUL, True)
        dripping.join()


def test_credentials_of_netrc_do_not_go_before_the_configured(
    configure: Configure, backend: Collector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    auth = {"type": "api_key", "apiKey": "k3y"}
    accepted(configure({"type": "http", "url": backend.url, "auth": auth}))
    assert backend.headers[0]["Authorization"] == "Bearer k3y"


# Files, the console, nothing


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_that_grows_by_whole_lines(configure: Configure, tmp_path: Path) -> None:
    sink = configure({"type": "file", "log_file_path": str(tmp_path / "events"), "append": True})
    threads = [threading.Thread(target=lambda number=number: sink.send(message(number))) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {event["run"]["runId"] for event in lines(tmp_path / "events")}
    assert found == {message(number).subject for number in range(20)}
    assert lines(tmp_path / "events")[0].keys() == message().body().keys()


_HALF_A_LINE = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
fcntl.flock(file, fcntl.LOCK_EX)
os.write(file, b'{"half": ')
print("written", flush=True)
sys.stdin.read()
os.write(file, b'"whole"}\\n')
"""


def test_another_process_that_appends_is_waited_for(configure: Configure, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    sink = configure({"type": "file", "log_file_path": str(path), "append": True})
    command = [sys.executable, "-c", _HALF_A_LINE, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"written\n"
        sending = threading.Thread(target=sink.send, args=[message()])
        sending.start()
        sending.join(0.3)
        other.communicate()
        sending.join(30)
    first, second = map(json.loads, path.read_text().splitlines())
    assert first == {"half": "whole"}
    assert second["job"]["name"] == "orders_dagster"


@pytest.mark.parametrize("debug", [False, True])
def test_a_file_for_each_event(configure: Configure, tmp_path: Path, debug: bool) -> None:
    (tmp_path / "out").mkdir()
    base = tmp_path / "out" / "event"
    sink = configure({"type": "file", "log_file_path": base.as_uri(), "debug_mode": debug})
    for number in range(30):
        assert sink.send(message(number)).verdict is Verdict.ACCEPTED
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 30
    assert {json.loads(path.read_text())["run"]["runId"] for path in files} == {message(n).subject for n in range(30)}
    assert all(path.name.endswith("-orders_dagster-START.json") for path in files) is debug


def test_a_full_disk_has_not_accepted_and_leaves_no_torn_line(configure: Configure, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        path = disk.path / "events"
        sink = configure({"type": "file", "log_file_path": str(path), "append": True})
        accepted(sink)
        disk.fill()
        answers = [ask(sink, message(number)) for number in range(64)]
        assert answers[-1].verdict is Verdict.LATER
        assert "No space" in answers[-1].reason
        disk.free()
        accepted(sink)
        assert len(lines(path)) == 2 + sum(answer.verdict is Verdict.ACCEPTED for answer in answers)


def test_the_console_is_the_clients_log(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "openlineage.client.transport.console"):
        accepted(configure({"type": "console"}))
    assert json.loads(caplog.messages[-1]) == message().body()


def test_nothing_counts_as_sent_where_lineage_is_switched_off(
    configure: Configure, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configure({"type": "noop"}) == DisabledSink("the transport noop")
    assert isinstance(configure({"type": "composite", "transports": [{"type": "noop"}]}), DisabledSink)
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    sink = configure({"type": "http", "url": backend.url})
    assert "OPENLINEAGE_DISABLED=true" in refused_for_now(sink)
    assert backend.requests == []


# Transports made of transports


def test_a_composite_wants_all_and_repeats_none(configure: Configure, tmp_path: Path, backend: Collector) -> None:
    backend.behave = lambda event: (503, "")
    children = {
        "file": {"type": "file", "log_file_path": str(tmp_path / "events"), "append": True},
        "marquez": {"type": "http", "url": backend.url},
    }
    sink = configure({"type": "composite", "transports": children})
    assert "HTTP 503" in refused_for_now(sink)
    refused_for_now(sink)
    backend.behave = lambda event: (201, "")
    accepted(sink)
    assert len(lines(tmp_path / "events")) == 1
    assert len(backend.events) == 1
    accepted(sink)
    assert len(lines(tmp_path / "events")) == 2, "sent again as a whole, it goes to all again"


def test_a_composite_that_stops_at_the_first_that_takes_it(
    configure: Configure, tmp_path: Path, backend: Collector
) -> None:
    file = {"type": "file", "log_file_path": str(tmp_path / "events"), "append": True, "priority": 1}
    http = {"type": "http", "url": backend.url, "priority": 2}
    settings = {"type": "composite", "transports": [file, http], "continue_on_success": False, "sort_transports": True}
    accepted(configure(settings))
    assert not (tmp_path / "events").exists()
    backend.behave = lambda event: (503, "")
    accepted(configure(settings))
    assert len(lines(tmp_path / "events")) == 1
    refused_for_now(configure({**settings, "continue_on_failure": False}))


class Renaming(EventTransformer):
    def transform(self, event: Any) -> Any:
        if event.job.name == "secret_dagster":
            return None
        if event.job.name == "odd_dagster":
            raise KeyError("odd")
        event.job.name = self.properties["prefix"] + event.job.name
        return event


def test_a_transformer_changes_and_drops(configure: Configure, backend: Collector) -> None:
    transformer = f"{__name__}.{Renaming.__qualname__}"
    sink = configure(
        {
            "type": "transform",
            "transport": {"type": "http", "url": backend.url},
            "transformer_class": transformer,
            "transformer_properties": {"prefix": "shop."},
        }
    )
    accepted(sink)
    assert ask(sink, message(job="secret_dagster")).verdict is Verdict.WITHHELD
    assert ask(sink, message(job="odd_dagster")).verdict is Verdict.DOUBTFUL
    assert [event["job"]["name"] for event in backend.events] == ["shop.orders_dagster"]
    send_body(sink, message().body())
    assert backend.events[0]["job"] == backend.events[1]["job"]


TAKEN: list[RunEvent] = []


class Own(Transport):
    """A transport that a user wrote."""

    kind = "own"

    def __init__(self, config: Any) -> None:
        pass

    def emit(self, event: Any) -> None:
        if TAKEN:
            raise ConnectionError("postgresql://me:s3cret@db is away")
        TAKEN.append(event)


def test_a_transport_of_the_users_own(configure: Configure) -> None:
    TAKEN.clear()
    sink = configure({"type": f"{__name__}.{Own.__qualname__}"})
    accepted(sink)
    assert isinstance(TAKEN[0], RunEvent)
    assert Message("", "", TAKEN[0]).body() == message().body()
    assert TAKEN[0].job.facets is None, "nothing empty"
    reason = refused_for_now(sink)
    assert "is away" in reason
    assert "s3cret" not in reason


def test_kafka_without_a_broker_takes_nothing(configure: Configure) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        config = {"bootstrap.servers": f"127.0.0.1:{closed.getsockname()[1]}", "message.timeout.ms": "300"}
        sink = configure({"type": "kafka", "topic": "lineage", "config": {**config, "log_level": "0"}})
        assert "kafka topic lineage" in refused_for_now(sink)


# What the client does before its transport


def test_filters_tags_and_variables(configure: Configure, backend: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYMENT", "blue")
    sink = configure(
        {"type": "http", "url": backend.url},
        filters=[{"type": "regex", "regex": "tmp_.*"}, {"type": "exact", "match": "old_dagster"}],
        tags={"job": {"team": "data"}, "run": {"cause": "test"}},
        facets={"environment_variables": ["DEPLOYMENT"]},
    )
    for _ in range(2):
        accepted(sink)
    for job in ("tmp_x_dagster", "old_dagster"):
        assert ask(sink, message(job=job)).verdict is Verdict.WITHHELD
    for event in backend.events:
        assert [(tag["key"], tag["value"]) for tag in event["job"]["facets"]["tags"]["tags"]] == [("team", "data")]
        assert ("cause", "test") in [(tag["key"], tag["value"]) for tag in event["run"]["facets"]["tags"]["tags"]]
        variables = event["run"]["facets"]["environmentVariables"]["environmentVariables"]
        assert variables == [{"name": "DEPLOYMENT", "value": "blue"}]
    assert "tags" not in message().body()["run"]["facets"], "the event itself is unchanged"
    assert send_body(sink, backend.requests[0]).verdict is Verdict.ACCEPTED
    assert backend.requests[0] == backend.requests[-1]


def test_a_request_ends_in_two_seconds_unless_configured(configure: Configure, backend: Collector) -> None:
    unset, chosen = (
        configure({"type": "http", "url": backend.url}),
        configure({"type": "http", "url": backend.url, "timeout": 7}),
    )
    assert isinstance(unset, HttpSink)
    assert isinstance(chosen, HttpSink)
    assert (unset.timeout, chosen.timeout) == (2.0, 7.0)
