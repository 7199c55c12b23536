"""The page's server as users start it, before a real HTTP backend on loopback."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.lineage_page import LineagePage, lineage_page
from tests.marquez_double import Answer, MarquezDouble
from weather_pipeline.stack.postgres import free_port

pytestmark = pytest.mark.integration


def answer(target: str) -> Answer:
    if target.startswith("/api/v1/missing"):
        return 404, {"code": 404, "message": "Job 'missing' not found."}
    if target.startswith("/api/v1/moved"):
        return 302, "http://elsewhere.example/login"
    return 200, {"asked": target, "text": "é" * 200_000}


@pytest.fixture(scope="module")
def backend() -> Iterator[MarquezDouble]:
    with MarquezDouble(answer) as double:
        yield double


@pytest.fixture(scope="module")
def page(backend: MarquezDouble) -> Iterator[LineagePage]:
    with lineage_page(backend.url, "--dagster-url", "http://localhost:3000/") as running:
        yield running


def raw_get(page: LineagePage, target: str) -> str:
    """A request whose target no client library has tidied up; returns the status line."""
    port = int(page.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        with connection.makefile() as lines:
            return lines.readline().strip()


def test_passes_status_type_and_body(page: LineagePage):
    found = requests.get(f"{page.url}/api/v1/jobs", timeout=10)
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/json"
    assert found.json() == {"asked": "/api/v1/jobs", "text": "é" * 200_000}
    missing = requests.get(f"{page.url}/api/v1/missing", timeout=10)
    assert (missing.status_code, missing.json()["message"]) == (404, "Job 'missing' not found.")


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/namespaces/s3%3A%2F%2Fbronze/datasets/weather?limit=5&offset=0",
        "/api/v1/namespaces/a/jobs/job%2Fwith%2Fslash%20and%20%C3%A9",
        "/api/v1/lineage?nodeId=dataset%3Apostgres%3A%2F%2Flocalhost%3A5432%3Aa.b.c&depth=1",
    ],
)
def test_target_reaches_the_backend_as_it_is(page: LineagePage, target: str):
    assert requests.get(page.url + target, timeout=10).json()["asked"] == target


def test_passes_no_cookies_or_credentials_either_way(page: LineagePage, backend: MarquezDouble):
    secrets = {"Cookie": "a=b", "Authorization": "Bearer x", "X-Forwarded-For": "1.2.3.4"}
    found = requests.get(f"{page.url}/api/v1/jobs", headers=secrets, timeout=10)
    assert "set-cookie" not in found.headers
    _, _, received = backend.requests[-1]
    assert not {name.lower() for name in secrets} & received.keys()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_only_get_reaches_the_backend(page: LineagePage, backend: MarquezDouble, method: str):
    before = len(backend.requests)
    assert requests.request(method, f"{page.url}/api/v1/lineage", timeout=10).status_code == 405
    assert len(backend.requests) == before


@pytest.mark.parametrize("target", ["/api/../metrics", "/api/%2e%2e/metrics", "/api/v1/x%2F..%2F..%2F..%2Fmetrics"])
def test_nothing_outside_the_api_reaches_the_backend(page: LineagePage, backend: MarquezDouble, target: str):
    before = len(backend.requests)
    assert " 400 " in raw_get(page, target)
    assert len(backend.requests) == before


@pytest.mark.parametrize("target", ["/static/../app.py", "/static/%2e%2e/app.py", "/app.py", "/static/js/"])
def test_only_the_pages_files_are_served(page: LineagePage, target: str):
    assert " 404 " in raw_get(page, target)


@pytest.mark.parametrize("target", ["/", "/config.json", "/static/js/main.js", "/healthcheck", "/api/v1/jobs"])
def test_a_name_that_a_web_page_may_have_brought_is_told_nothing(
    page: LineagePage, backend: MarquezDouble, target: str
):
    before = len(backend.requests)
    refused = requests.get(page.url + target, headers={"Host": "evil.example:5001"}, timeout=10)
    assert refused.status_code == 421
    assert "not 'evil.example:5001'" in refused.json()["message"]
    assert len(backend.requests) == before


def test_a_redirect_is_not_followed(page: LineagePage):
    moved = requests.get(f"{page.url}/api/v1/moved", timeout=10, allow_redirects=False)
    assert moved.status_code == 502
    assert "http://elsewhere.example/login" in moved.json()["message"]


def test_backend_away_and_back():
    with MarquezDouble(answer) as double, lineage_page(double.url) as page:
        double.stop()
        away = requests.get(f"{page.url}/api/v1/jobs", timeout=10)
        assert away.status_code == 502
        assert away.json() == {"code": 502, "message": f"The lineage backend at {double.url} can't be reached."}
        double.start()
        assert requests.get(f"{page.url}/api/v1/jobs", timeout=10).status_code == 200


def test_a_backend_that_does_not_answer_leaves_the_page_its_files():
    go = threading.Event()

    def wait(_: str) -> Answer:
        go.wait(30)
        return 200, {}

    with MarquezDouble(wait) as double, lineage_page(double.url) as page, ThreadPoolExecutor(60) as readers:
        asked = [readers.submit(requests.get, f"{page.url}/api/v1/jobs", timeout=60) for _ in range(60)]
        try:
            while len(double.requests) < 20:
                time.sleep(0.02)
            for path in ("/healthcheck", "/", "/static/js/main.js"):
                assert requests.get(page.url + path, timeout=10).status_code == 200
        finally:
            go.set()
        assert {answered.result().status_code for answered in asked} == {200}


def test_page_its_files_and_their_policy(page: LineagePage):
    for path in ("/", "/static/js/main.js", "/api/v1/jobs", "/config.json"):
        headers = requests.get(page.url + path, timeout=10).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    document = requests.get(page.url, timeout=10).text
    for file in re.findall(r'(?:src|href)="([^"]+)"', document):
        assert requests.get(f"{page.url}/{file}", timeout=10).status_code == 200


def test_configuration_and_health(page: LineagePage, backend: MarquezDouble):
    assert requests.get(f"{page.url}/healthcheck", timeout=10).text == "ok\n"
    expected = {"marquezUrl": backend.url, "dagsterUrl": "http://localhost:3000"}
    assert requests.get(f"{page.url}/config.json", timeout=10).json() == expected


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_quietly_when_asked(how: signal.Signals):
    with lineage_page("http://127.0.0.1:9") as page:
        requests.get(f"{page.url}/api/v1/jobs", timeout=10)
        code, log = page.stop(how)
    assert code == 0
    assert len(log.splitlines()) == 1
    assert "Lineage page on http://127.0.0.1:" in log


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "weather_pipeline.marquez.web", "--port", port]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert f"can't listen on 127.0.0.1:{port}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr
