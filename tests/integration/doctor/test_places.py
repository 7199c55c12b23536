"""Directories, ports and S3 servers as they really are; looking changes none of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.doctor.conftest import Answers, Look
from tests.integration.stack.conftest import free_offset
from tests.integration.store.s3_server import ACCESS, S3ServerProcess
from weather_pipeline.doctor.disk import judge_places, place
from weather_pipeline.doctor.examine import Report
from weather_pipeline.doctor.finding import Status
from weather_pipeline.stack.ports import free_port
from weather_pipeline.stack.postgres import UNPRIVILEGED_ID
from weather_pipeline.store.base import open_store

pytestmark = pytest.mark.integration


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may write where the mode forbids it: become somebody else for the test."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(UNPRIVILEGED_ID)
    yield
    if root:
        os.seteuid(0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3ServerProcess]:
    with S3ServerProcess(tmp_path / "s3") as server:
        yield server


def s3(url: str, **others: object) -> dict[str, object]:
    keys = {"s3_access_key": ACCESS.access_key, "s3_secret_key": ACCESS.secret_key, "s3_secure": False}
    return {"lake_url": url, **keys, **others}


def test_an_empty_directory_stays_empty(examined: Callable[..., Report], tmp_path: Path) -> None:
    report = examined("disk", "lake", "stack", "ports", "database", "backend", "daemon")
    assert list(tmp_path.iterdir()) == []
    assert {"disk", "lake"} <= {finding.check for finding in report.findings if finding.status is Status.OK}


def test_a_directory_that_cannot_be_written(unprivileged: None) -> None:
    (trouble, _) = judge_places([place("state", Path("/etc/weather/.weather"))])
    assert trouble.status is Status.PROBLEM
    assert "/etc, where /etc/weather/.weather is to be, (state) can't be written." in trouble.found


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A directory that only root may look into."""
    directory = tmp_path / "closed"
    directory.mkdir(mode=0)
    yield directory
    directory.chmod(0o700)


def test_a_directory_of_another_user(closed: Path, examined: Callable[..., Report], unprivileged: None) -> None:
    home = closed / "home"
    report = examined("disk", "lake", "stack", "database", home=home)
    bad = {finding.check: finding.found for finding in report.findings if finding.status is Status.PROBLEM}
    assert set(bad) == {"disk", "lake", "stack"}
    assert f"where {home} is to be, (state and logs) can't be written." in bad["disk"]
    assert "failed" not in str(bad)


def test_a_file_in_the_way(tmp_path: Path, examined: Callable[..., Report]) -> None:
    (tmp_path / "file").touch()
    report = examined("disk", "lake", home=tmp_path / "file" / "home")
    assert {finding.check for finding in report.findings if finding.status is Status.PROBLEM} == {"disk", "lake"}
    assert f"{tmp_path / 'file'} is a file." in [finding.cause for finding in report.findings]


def test_a_port_that_is_held(look: Look, examined: Callable[..., Report]) -> None:
    with socket.socket() as holder:
        offset = free_offset()
        port = 5000 + offset
        holder.bind(("127.0.0.1", port))
        holder.listen()
        findings = examined("ports", port_offset=offset).findings
    held = next(finding for finding in findings if finding.subject == "taken")
    assert held.status is Status.PROBLEM
    assert f"Port {port} " in held.found
    assert f"(pid {os.getpid()})" in held.found
    assert held.command.startswith("weather up --port-offset ")


def test_a_lake_on_s3(server: S3ServerProcess, look: Look) -> None:
    finding = look("lake", **s3(server.url))
    assert (finding.status, finding.found.endswith("are made at the first write")) == (Status.OK, True)
    assert list(server.directory.iterdir()) == []  # no bucket was made
    open_store(server.url, ACCESS).put("bronze/a", b"")
    open_store(server.url, ACCESS).put("silver/a", b"")
    assert look("lake", **s3(server.url, s3_create_buckets=False)).found.endswith("has its buckets")


def test_buckets_that_nobody_makes(server: S3ServerProcess, look: Look) -> None:
    finding = look("lake", **s3(server.url, s3_create_buckets=False))
    assert (finding.status, finding.subject) == (Status.PROBLEM, "buckets")


def test_a_wrong_secret(server: S3ServerProcess, look: Look) -> None:
    finding = look("lake", **s3(server.url, s3_secret_key="not it"))
    assert (finding.status, finding.subject) == (Status.PROBLEM, "key")
    assert "not it" not in str(finding)


def test_an_s3_server_that_is_away(look: Look) -> None:
    finding = look("lake", **s3(f"s3://127.0.0.1:{free_port()}"))
    assert finding.status is Status.PROBLEM
    assert "nothing listens" in finding.found


def test_the_other_protocol(server: S3ServerProcess, look: Look) -> None:
    finding = look("lake", **s3(server.url, s3_secure=True))
    assert "WEATHER_S3_SECURE=false" in finding.remedy


def test_no_s3_server_at_all(serve: Callable[[Answers], str], look: Look) -> None:
    url = serve(lambda method, target: (404, {"Content-Type": "text/html"}, "nothing here"))
    finding = look("lake", **s3(url.replace("http:", "s3:")))
    assert finding.status is Status.PROBLEM
    assert "is no S3 server" in finding.found


def test_a_lake_without_its_key(look: Look) -> None:
    finding = look("lake", lake_url="s3://127.0.0.1:9000")
    assert (finding.status, finding.subject) == (Status.PROBLEM, "url")


def test_this_python_and_nothing_to_download(look: Look) -> None:
    assert look("registries").status is Status.OK
    assert look("python").status is Status.OK
