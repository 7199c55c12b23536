"""Bodies that are unusual and right, and small ones that ask for much work."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, run_event

pytestmark = pytest.mark.integration


def _event(name: str, **changes: Any) -> dict[str, Any]:
    return run_event("COMPLETE", "2026-03-01T10:00:00Z", str(uuid.uuid4()), ("bodies", name)) | changes


def _post(
    service: LineageService, body: bytes, path: str = "", encoding: Mapping[str, str] | None = None
) -> requests.Response:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"} | dict(encoding or {})
    return requests.post(f"{service.url}/api/v1/lineage{path}", body, headers=headers, timeout=60)


@pytest.mark.parametrize("size", [7, 1_000_000], ids=["many members", "few"])
def test_all_members_of_a_gzip_stream_are_read(service: LineageService, size: int) -> None:
    outputs = [dataset("bodies", f"table{number}") for number in range(300)]
    plain = json.dumps(_event(f"members{size}", outputs=outputs)).encode()
    pieces = [plain[at : at + size] for at in range(0, len(plain), size)]
    body = b"".join(map(gzip.compress, [b"", *pieces, b""]))

    assert _post(service, body).status_code == 201
    assert len(service.get(f"/api/v1/namespaces/bodies/jobs/members{size}")["outputs"]) == 300


@pytest.mark.parametrize(
    "rest", [b"rest", b"\x1f", gzip.compress(b" ")[:-1], b"\0" * 100_000], ids=["text", "byte", "member", "zeros"]
)
def test_what_stands_behind_a_gzip_stream_is_refused(service: LineageService, rest: bytes) -> None:
    body = gzip.compress(json.dumps(_event("garbage")).encode())

    answer = _post(service, body + rest)

    assert answer.status_code == 422
    assert "gzip" in answer.json()["errors"][0]
    assert requests.get(f"{service.url}/api/v1/namespaces/bodies/jobs/garbage", timeout=30).status_code == 404


def test_members_are_held_to_the_limit_together(service: LineageService) -> None:
    body = gzip.compress(b" " * 3_000_000) * 3

    assert _post(service, body).status_code == 413


def test_a_batch_of_very_many_is_answered_for_each(service: LineageService) -> None:
    answer = _post(service, gzip.compress(json.dumps([*([1] * 999), _event("last")]).encode()), "/batch")

    assert answer.json()["summary"] == {
        "received": 1_000, "successful": 1, "failed": 999, "retriable": 0, "non_retriable": 999
    }  # fmt: skip
    assert service.get("/api/v1/namespaces/bodies/jobs/last")["name"] == "last"


def test_of_very_many_errors_the_first_are_told(service: LineageService) -> None:
    answer = _post(service, gzip.compress(json.dumps(_event("numbers", inputs=[1] * 500_000)).encode()))

    assert answer.status_code == 422
    assert answer.json()["errors"] == [*(f"inputs[{place}] must be an object" for place in range(20)), "… and more"]


def test_a_large_body_is_read_like_a_small_one(service: LineageService) -> None:
    large = _event("large", outputs=[dataset("bodies", f"large{number}") for number in range(2_000)])
    body = json.dumps(large).encode()

    assert _post(service, body, encoding={"Content-Encoding": "identity"}).status_code == 201
    assert _post(service, b"[" + body + b"]", "/batch", {"Content-Encoding": "identity"}).json()["status"] == "success"
    assert len(service.get("/api/v1/namespaces/bodies/jobs/large")["outputs"]) == 2_000
