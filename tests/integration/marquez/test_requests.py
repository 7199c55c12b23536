"""Addresses and parameters that nobody should send: a 4xx with the reason, never a 500."""

from __future__ import annotations

import json
import uuid
from urllib.parse import quote

import psycopg
import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, run_event, schema
from tests.integration.marquez.figures import Figures

pytestmark = pytest.mark.integration

_STATES = "[NEW, RUNNING, COMPLETED, ABORTED, FAILED]"
_RUN = "0199a000-0000-7000-8000-0000000000ab"


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/api/v1/nope", 404, "HTTP 404 Not Found"),
        ("GET", "/", 404, "HTTP 404 Not Found"),
        ("GET", "/healthcheck/", 404, "HTTP 404 Not Found"),
        ("PATCH", "/api/v1/lineage", 405, "HTTP 405 Method Not Allowed"),
        ("DELETE", "/api/v1/lineage", 405, "HTTP 405 Method Not Allowed"),
        ("POST", "/api/v1/namespaces", 405, "HTTP 405 Method Not Allowed"),
        ("TRACE", "/healthcheck", 405, "HTTP 405 Method Not Allowed"),
        ("GET", "/api/v1/lineage", 400, "query param nodeId must not be null"),
        ("GET", "/api/v1/lineage?nodeId=garbage", 404, "HTTP 404 Not Found"),
        ("GET", "/api/v1/lineage?nodeId=job:a:b&depth=-1", 400, "depth must be greater than or equal to 0"),
        ("GET", "/api/v1/lineage?nodeId=job:a:b&depth=1001", 400, "depth must be less than or equal to 1000"),
        ("GET", "/api/v1/column-lineage?nodeId=datasetField:a:b", 404, "Could not find node"),
        ("GET", "/api/v1/namespaces?limit=abc", 404, "limit"),
        ("GET", "/api/v1/namespaces?limit=99999999999999999999", 400, "limit must be less than or equal to"),
        ("GET", "/api/v1/events/lineage?limit=10001", 400, "limit must be less than or equal to 10000"),
        ("GET", "/api/v1/namespaces?offset=2147483648", 400, "offset must be less than or equal to 2147483647"),
        ("GET", "/api/v1/namespaces/bad%00name", 400, "NUL"),
        ("GET", "/api/v1/search?q=%00", 400, "NUL"),
        ("GET", "/api/v1/search?q=%20", 400, "query param q must not be blank"),
        ("GET", "/api/v1/namespaces/%ff", 404, "not found"),
        ("GET", "/api/v1/namespaces/%zz", 404, "not found"),
        ("GET", "/api/v1/namespaces/a%2", 404, "not found"),
        ("GET", "/api/v1/namespaces/%ed%a0%80", 404, "not found"),
        ("GET", "/api/v1/namespaces?limit=%ff", 404, "limit"),
        ("GET", "/api/v1/jobs/runs/not-a-uuid", 404, "HTTP 404 Not Found"),
        ("GET", "/api/v1/jobs?lastRunStates=DONE", 400, f"query param lastRunStates must be one of {_STATES}"),
        ("GET", "/api/v1/namespaces/n/jobs?lastRunStates=FAILED&lastRunStates=DONE", 400, f"be one of {_STATES}"),
        ("GET", "/api/v1/events/lineage?sortDirection=up", 400, "query param sortDirection must be one of [asc, desc]"),
        ("GET", "/api/v1/search?q=a&filter=RUN", 400, "query param filter must be one of [JOB, DATASET]"),
        ("GET", f"/api/v1/jobs/runs/{_RUN}/facets?type=dataset", 400, "query param type must be one of [run, job]"),
        ("GET", f"/api/v1/jobs/runs/{_RUN}/facets", 400, "query param type must not be null"),
        ("GET", "/api/v1/stats/jobs?period=YEAR", 400, "query param period must be one of [DAY, WEEK]"),
        ("GET", "/api/v1/stats/jobs?period=DAY&timezone=../etc/passwd", 400, "timezone"),
        ("PUT", "/api/v1/namespaces/a%20b", 422, "namespace"),
    ],
)
def test_bad_requests(service: LineageService, method: str, path: str, status: int, reason: str) -> None:
    session = requests.Session()
    request = session.prepare_request(requests.Request(method, service.url))
    request.url = service.url + path  # as it is, which `requests` would tidy up
    response = session.send(request, timeout=30)

    assert response.status_code == status
    assert reason in response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/healthcheck", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
        ("/api/v1/lineage", "GET, HEAD, POST"),
        ("/api/v1/lineage/batch", "POST"),
        ("/api/v1/namespaces/s3%3A%2F%2Flake", "DELETE, GET, HEAD, PUT"),
        ("/api/v1/namespaces/n/datasets/d/tags/t", "DELETE, POST"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "OPTIONS"])
def test_where_a_method_is_refused_the_others_are_named(
    service: LineageService, path: str, methods: str, method: str
) -> None:
    response = requests.request(method, service.url + path, timeout=30)

    assert (response.status_code, response.headers["Allow"]) == (405, methods)
    assert response.json() == {"code": 405, "message": "HTTP 405 Method Not Allowed"}


@pytest.mark.parametrize(
    "path",
    [
        "/healthcheck",
        "/openapi.json",
        "/api/v1/namespaces",
        "/api/v1/namespaces/nowhere",
        "/api/v1/namespaces?limit=-1",
        "/api/v1/lineage/batch",
        "/nowhere",
        "/api/v1/namespaces/a%00b",
    ],
)
def test_head_is_answered_as_get_without_the_body(service: LineageService, path: str) -> None:
    with requests.Session() as session:
        head = session.head(service.url + path, timeout=30)
        # On the same connection: bytes of a body would stand before this answer.
        get = session.get(service.url + path, timeout=30)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


def test_head_is_counted_as_what_it_is(service: LineageService) -> None:
    def counted() -> float:
        labels = {"method": "HEAD", "route": "/api/v1/sources/{source}", "status": "404"}
        return Figures(service).value("http_requests_total", **labels)

    before = counted()
    requests.head(f"{service.url}/api/v1/sources/nowhere", timeout=30)

    assert counted() == before + 1


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/jobs?lastRunStates=failed&lastRunStates=Running",
        "/api/v1/events/lineage?sortDirection=DESC",
        "/api/v1/search?q=a&filter=job&sort=name",
        "/api/v1/stats/jobs?period=day",
    ],
)
def test_a_choice_may_be_written_in_any_case(service: LineageService, path: str) -> None:
    assert requests.get(service.url + path, timeout=30).status_code == 200


def test_an_event_of_an_unknown_type_is_taken_for_one_of_a_run_under_way(service: LineageService) -> None:
    """As Marquez does; nothing of it is lost."""
    run_id = str(uuid.uuid4())
    event = run_event("SUSPENDED", "2026-03-01T10:00:00Z", run_id, ("typed", "suspended"))

    accepted, refused = service.post(event), service.post(event | {"eventType": "X" * 256})

    assert (accepted.status_code, refused.status_code) == (201, 422)
    assert refused.json() == {"errors": ["eventType must not be longer than 255 characters"]}
    assert service.get(f"/api/v1/jobs/runs/{run_id}")["state"] == "RUNNING"
    assert service.get("/api/v1/namespaces/typed/jobs?lastRunStates=RUNNING")["jobs"][0]["name"] == "suspended"
    assert service.get("/api/v1/namespaces/typed/jobs?lastRunStates=NEW")["jobs"] == []


def test_what_a_client_sends_writes_no_lines_of_its_own_into_the_log(new_service: LineageService) -> None:
    with psycopg.connect(new_service.database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'no such value: %', NEW.name USING ERRCODE = 'data_exception'; END $$"
        )
        connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION refuse()")

    response = requests.put(f"{new_service.url}/api/v1/tags/mine%0Aforged", timeout=30)

    assert response.status_code == 400
    assert "no such value: mine\\nforged" in new_service.log()


def test_a_namespace_without_an_owner(service: LineageService) -> None:
    url = f"{service.url}/api/v1/namespaces/s3%3A%2F%2Flake"

    created = requests.put(url, json={"description": "the lake"}, timeout=30)

    assert (created.status_code, created.json()["ownerName"]) == (200, "anonymous")
    assert service.get("/api/v1/namespaces/s3%3A%2F%2Flake")["description"] == "the lake"


_EVENT = json.dumps(
    run_event(
        "COMPLETE",
        "2026-03-01T10:00:00Z",
        "0199a000-0000-7000-8000-0000000000aa",
        ("typed", "job"),
        outputs=[dataset("typed", "table")],
    )
)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/plain; charset=application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": ""},
        {},
        {"Origin": "https://example.org"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/lineage"), ("PUT", "/api/v1/namespaces/typed-not"), ("PUT", "/api/v1/tags/typed-not")],
)
def test_what_a_foreign_web_page_could_send_writes_nothing(
    service: LineageService, method: str, path: str, headers: dict[str, str]
) -> None:
    lists = ("/api/v1/namespaces", "/api/v1/tags", "/api/v1/events/lineage")
    before = [service.get(path) for path in lists]

    response = requests.request(method, service.url + path, data=_EVENT.encode(), headers=headers, timeout=30)

    assert response.status_code == 415
    assert "send application/json" in response.json()["message"]
    assert [service.get(path) for path in lists] == before


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON", "application/vnd.openlineage+json"],
)
def test_json_by_any_of_its_names_is_accepted(service: LineageService, content_type: str) -> None:
    headers = {"Content-Type": content_type, "Origin": "https://example.org"}

    posted = requests.post(f"{service.url}/api/v1/lineage", _EVENT, headers=headers, timeout=30)

    assert posted.status_code == 201


def test_a_request_without_a_body_writes_unless_a_browser_sends_it(service: LineageService) -> None:
    requests.post(
        f"{service.url}/api/v1/lineage", _EVENT, headers={"Content-Type": "application/json"}, timeout=30
    ).raise_for_status()
    url = f"{service.url}/api/v1/namespaces/typed/datasets/table/tags"

    from_a_tool = requests.post(f"{url}/tool", timeout=30)
    from_a_page = requests.post(f"{url}/page", headers={"Origin": "https://example.org"}, timeout=30)

    assert (from_a_tool.status_code, from_a_page.status_code) == (200, 403)
    assert "'https://example.org'" in from_a_page.json()["message"]
    assert "WEATHER_LINEAGE_CORS_ORIGINS" in from_a_page.json()["message"]
    assert service.get("/api/v1/namespaces/typed/datasets/table")["tags"] == ["tool"]


def test_a_value_too_long_for_an_index_is_the_senders_fault(service: LineageService) -> None:
    column = "".join(map(chr, range(5000, 9000)))
    table = dataset("typed", "wide", {"schema": schema(column)})
    service.accept(run_event("COMPLETE", "2026-03-01T10:00:00Z", str(uuid.uuid4()), ("typed", "wide"), outputs=[table]))

    tagged = requests.post(
        f"{service.url}/api/v1/namespaces/typed/datasets/wide/fields/{quote(column)}/tags/t", timeout=30
    )

    assert tagged.status_code == 400


@pytest.mark.parametrize("path", ["/healthcheck", "/api/v1/health"])
def test_health(service: LineageService, path: str) -> None:
    assert service.get(path) == {"postgresql": {"healthy": True}}


def test_the_api_describes_itself(service: LineageService) -> None:
    paths = service.get("/openapi.json")["paths"]

    assert "/api/v1/namespaces/{namespace}/jobs/{job}" in paths
