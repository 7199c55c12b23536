"""Addresses and parameters that nobody should send: a 4xx with the reason, never a 500."""

from __future__ import annotations

import pytest
import requests

from tests.integration.marquez.conftest import LineageService

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/api/v1/nope", 404, "HTTP 404 Not Found"),
        ("PATCH", "/api/v1/lineage", 405, "HTTP 405 Method Not Allowed"),
        ("GET", "/api/v1/lineage", 400, "query param nodeId must not be null"),
        ("GET", "/api/v1/lineage?nodeId=garbage", 404, "HTTP 404 Not Found"),
        ("GET", "/api/v1/lineage?nodeId=job:a:b&depth=-1", 400, "depth must be greater than or equal to 0"),
        ("GET", "/api/v1/lineage?nodeId=job:a:b&depth=1001", 400, "depth must be less than or equal to 1000"),
        ("GET", "/api/v1/column-lineage?nodeId=datasetField:a:b", 404, "Could not find node"),
        ("GET", "/api/v1/namespaces?limit=abc", 404, "limit"),
        ("GET", "/api/v1/namespaces?limit=99999999999999999999", 400, "limit must be less than or equal to"),
        ("GET", "/api/v1/namespaces/bad%00name", 400, "NUL"),
        ("GET", "/api/v1/search?q=%00", 400, "NUL"),
        ("GET", "/api/v1/search?q=%20", 400, "query param q must not be blank"),
        ("GET", "/api/v1/namespaces/%ff", 404, "not found"),
        ("GET", "/api/v1/jobs/runs/not-a-uuid", 404, "HTTP 404 Not Found"),
        ("GET", "/api/v1/stats/jobs?period=DAY&timezone=../etc/passwd", 400, "timezone"),
        ("PUT", "/api/v1/namespaces/a%20b", 422, "namespace"),
    ],
)
def test_bad_requests(service: LineageService, method: str, path: str, status: int, reason: str) -> None:
    response = requests.request(method, service.url + path, timeout=30)

    assert response.status_code == status
    assert reason in response.text


def test_a_namespace_without_an_owner(service: LineageService) -> None:
    url = f"{service.url}/api/v1/namespaces/s3%3A%2F%2Flake"

    created = requests.put(url, json={"description": "the lake"}, timeout=30)

    assert (created.status_code, created.json()["ownerName"]) == (200, "anonymous")
    assert service.get("/api/v1/namespaces/s3%3A%2F%2Flake")["description"] == "the lake"


@pytest.mark.parametrize("path", ["/healthcheck", "/api/v1/health"])
def test_health(service: LineageService, path: str) -> None:
    assert service.get(path) == {"postgresql": {"healthy": True}}


def test_the_api_describes_itself(service: LineageService) -> None:
    paths = service.get("/openapi.json")["paths"]

    assert "/api/v1/namespaces/{namespace}/jobs/{job}" in paths
