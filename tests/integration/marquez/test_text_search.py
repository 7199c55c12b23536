"""Full-text search, as Marquez answers it from OpenSearch."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, dataset_event, facet, job_event, run_event, schema
from weather_pipeline.marquez.embedded.database import migrate
from weather_pipeline.marquez.embedded.highlights import phrase

pytestmark = pytest.mark.integration

_RUN = "0199c000-0000-7000-8000-000000000001"
_AT = "2026-03-01T10:00:00Z"


def _names(answer: dict[str, Any]) -> list[str]:
    assert len(answer["hits"]) == len(answer["highlights"])
    return [hit["name"] for hit in answer["hits"]]


def _search(service: LineageService, what: str, q: str) -> dict[str, Any]:
    return service.get(f"/api/v2beta/search/{what}?q={quote(q)}")


@pytest.fixture(scope="module", autouse=True)
def stored(service: LineageService) -> None:
    """A run that reads one table and writes another."""
    source = {"namespace": "s3://seek-lake", "name": "bronze/seek_readings", "field": "celsius"}
    columns = {"temperature": {"inputFields": [source], "transformationType": "IDENTITY"}}
    output = dataset(
        "postgres://seek:5432",
        "weather.seek_history",
        {"schema": schema("temperature", "rainGauge"), "columnLineage": facet(fields=columns)},
        outputFacets={"outputStatistics": facet(rowCount=3)},
    )
    service.accept(
        run_event(
            "COMPLETE",
            _AT,
            _RUN,
            ("seek-pipeline", "cleanSeekReadings"),
            inputs=[dataset("s3://seek-lake", "bronze/seek_readings", {"schema": schema("celsius")})],
            outputs=[output],
            run_facets={"processing_engine": facet(name="Dagster", version="1")},
            job_facets={
                "sql": facet(query="SELECT <b>celsius</b> FROM readings"),
                "sourceCode": facet(language="python", sourceCode="def clean(frame): ..."),
            },
        )
    )


def test_a_job_hit(service: LineageService) -> None:
    answer = _search(service, "jobs", "cleanseek")

    [hit] = answer["hits"]
    assert set(hit) == {"run_id", "eventType", "name", "type", "namespace", "facets", "runFacets"}
    assert (hit["run_id"], hit["eventType"], hit["type"]) == (_RUN, "COMPLETE", "BATCH")
    assert (hit["namespace"], hit["name"]) == ("seek-pipeline", "cleanSeekReadings")
    assert (hit["facets"]["sourceCode"]["language"], hit["runFacets"]["processing_engine"]["name"]) == (
        "python",
        "Dagster",
    )
    assert answer["highlights"] == [{"name": ["<em>cleanSeekReadings</em>"]}]


def test_a_dataset_hit(service: LineageService) -> None:
    answer = _search(service, "datasets", "weather seek_hist")

    [hit] = answer["hits"]
    assert set(hit) == {"run_id", "eventType", "name", "namespace", "inputFacets", "outputFacets", "facets"}
    assert (hit["run_id"], hit["eventType"], hit["namespace"]) == (_RUN, "COMPLETE", "postgres://seek:5432")
    assert hit["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert [field["name"] for field in hit["facets"]["schema"]["fields"]] == ["temperature", "rainGauge"]
    assert answer["highlights"] == [{"name": ["<em>weather</em>.<em>seek</em>_<em>history</em>"]}]


@pytest.mark.parametrize(
    ("q", "field", "fragment"),
    [
        ("from readings", "facets.sql.query", "SELECT <b>celsius</b> <em>FROM</em> <em>readings</em>"),
        ("clean(frame", "facets.sourceCode.sourceCode", "def <em>clean</em>(<em>frame</em>): ..."),
        ("pyth", "facets.sourceCode.language", "<em>python</em>"),
        ("dagster", "runFacets.processing_engine.name", "<em>Dagster</em>"),
        ("seek-pipe", "namespace", "<em>seek</em>-<em>pipeline</em>"),
        ("batch", "type", "<em>BATCH</em>"),
        ("0199c000-0000", "run_id", "<em>0199c000</em>-<em>0000</em>-7000-8000-000000000001"),
    ],
)
def test_what_is_searched_of_a_job(service: LineageService, q: str, field: str, fragment: str) -> None:
    answer = _search(service, "jobs", q)

    place = _names(answer).index("cleanSeekReadings")
    assert answer["highlights"][place][field] == [fragment]


_SOURCE = "facets.columnLineage.fields.temperature.inputFields"


@pytest.mark.parametrize(
    ("q", "field", "fragment"),
    [
        ("gauge", "facets.schema.fields.name", "rain<em>Gauge</em>"),
        ("raingau", "facets.schema.fields.name", "<em>rainGauge</em>"),
        ("double", "facets.schema.fields.type", "<em>double</em>"),
        ("celsius", f"{_SOURCE}.field", "<em>celsius</em>"),
        ("seek_readings", f"{_SOURCE}.name", "bronze/<em>seek</em>_<em>readings</em>"),
        ("seek-lake", f"{_SOURCE}.namespace", "s3://<em>seek</em>-<em>lake</em>"),
        ("identity", "facets.columnLineage.fields.temperature.transformationType", "<em>IDENTITY</em>"),
        (_RUN, "run_id", "<em>0199c000</em>-<em>0000</em>-<em>7000</em>-<em>8000</em>-<em>000000000001</em>"),
    ],
)
def test_what_is_searched_of_a_dataset(service: LineageService, q: str, field: str, fragment: str) -> None:
    answer = _search(service, "datasets", q)

    place = _names(answer).index("weather.seek_history")
    assert fragment in answer["highlights"][place][field]


@pytest.mark.parametrize("q", ["seek_readings temperature", "readings seek", "eekhistory", "wither", "'; DROP --", "_"])
def test_what_is_not_found(service: LineageService, q: str) -> None:
    assert _search(service, "datasets", q) == {"hits": [], "highlights": []}


def test_the_best_come_first_and_at_most_ten(service: LineageService) -> None:
    tables = [dataset("rank", f"aaa.ranked_{number}", {"schema": schema("t")}) for number in range(12)]
    mentions = [dataset("rank", "mentions", {"schema": schema("ranked")}), dataset("rank", "Ranked", {})]
    service.accept(run_event("COMPLETE", _AT, str(uuid.uuid4()), ("rank", "j"), outputs=[*tables, *mentions]))

    names = _names(_search(service, "datasets", "ranked"))

    assert (len(names), names[0]) == (10, "Ranked")
    assert "mentions" not in names


def test_what_was_accepted_is_found_at_once_and_what_it_said_before_no_longer(service: LineageService) -> None:
    run_id = str(uuid.uuid4())

    def states(query: str, event_type: str, second: int) -> dict[str, Any]:
        return run_event(
            event_type,
            f"2026-03-01T11:00:0{second}Z",
            run_id,
            ("fresh", "load"),
            job_facets={"sql": facet(query=query)},
        )

    found: list[list[str]] = []
    for number, word in enumerate(("zeppelin", "quokka", "quokka")):
        service.accept(states(f"select {word}", "RUNNING", number))
        found.append([q for q in ("zeppelin", "quokka") if _names(_search(service, "jobs", q)) == ["load"]])

    assert found == [["zeppelin"], ["quokka"], ["quokka"]]
    [hit] = _search(service, "jobs", "quokka")["hits"]
    assert hit["eventType"] == "RUNNING"


def test_what_no_run_wrote_is_found_too(service: LineageService) -> None:
    table = dataset("static", "static_catalogue", {"schema": schema("shelf")})
    service.accept(dataset_event(_AT, table), job_event(_AT, ("static", "static_listing"), inputs=[table]))

    [job] = _search(service, "jobs", "static_list")["hits"]
    [found] = _search(service, "datasets", "shelf")["hits"]

    assert (job["run_id"], job["eventType"], job["runFacets"]) == (None, None, {})
    assert (found["name"], found["run_id"], found["eventType"]) == ("static_catalogue", None, None)


def test_what_is_hidden_is_not_found_until_an_event_names_it_again(service: LineageService) -> None:
    event = run_event(
        "COMPLETE", _AT, str(uuid.uuid4()), ("cloak", "cloaked_job"), outputs=[dataset("cloak", "cloaked_table")]
    )
    service.accept(event)
    before = [_names(_search(service, what, "cloaked")) for what in ("jobs", "datasets")]

    for path in ("jobs/cloaked_job", "datasets/cloaked_table"):
        requests.delete(f"{service.url}/api/v1/namespaces/cloak/{path}", timeout=30).raise_for_status()
    hidden = [_names(_search(service, what, "cloaked")) for what in ("jobs", "datasets")]
    service.accept(event)

    assert (before, hidden) == ([["cloaked_job"], ["cloaked_table"]], [[], []])
    assert [_names(_search(service, what, "cloaked")) for what in ("jobs", "datasets")] == before


def test_texts_that_are_too_much_for_an_index_are_found_by_what_fits(service: LineageService) -> None:
    code = "needle " + " ".join(f"word{number}" for number in range(300_000)) + " " + "x" * 10_000
    service.accept(
        run_event(
            "COMPLETE", _AT, str(uuid.uuid4()), ("large", "haystack"), job_facets={"sourceCode": facet(sourceCode=code)}
        )
    )

    assert _names(_search(service, "jobs", "needle word0")) == ["haystack"]
    assert _names(_search(service, "jobs", "x" * 3000)) == []


def test_letters_of_four_bytes_are_not_too_much_either(service: LineageService) -> None:
    chance = random.Random(4)
    # Deseret has small and capital letters, so that words count twice: whole, and parted.
    words = ["".join(chr(0x10400 + chance.randrange(80)) for _ in range(400)) for _ in range(520)]
    code, engine = "thimble " + " ".join(words[:260]), " ".join(words[260:])
    service.accept(
        run_event(
            "COMPLETE",
            _AT,
            str(uuid.uuid4()),
            ("large", "scroll"),
            job_facets={"sourceCode": facet(sourceCode=code)},
            run_facets={"processing_engine": facet(name=engine, version="1")},
        )
    )

    assert _names(_search(service, "jobs", "thimble")) == ["scroll"]
    assert _names(_search(service, "jobs", words[0])) == ["scroll"]


def test_what_the_index_cannot_take_keeps_nothing_else_from_being_found(new_service: LineageService) -> None:
    def refuse(weights: str) -> None:
        with psycopg.connect(new_service.database_url) as connection:
            connection.execute(
                f"""
                CREATE OR REPLACE FUNCTION search_vector(texts jsonb, weight "char") RETURNS tsvector
                LANGUAGE plpgsql AS $$
                BEGIN
                    IF strpos('{weights}', weight::text) > 0 THEN
                        RAISE program_limit_exceeded;
                    END IF;
                    RETURN jsonb_to_tsvector('simple', texts, '["string"]');
                END
                $$
                """.encode()
            )

    def load(name: str) -> None:
        sql = {"sql": facet(query="select zeppelin")}
        new_service.accept(run_event("COMPLETE", _AT, str(uuid.uuid4()), ("strict", name), job_facets=sql))

    load("first")
    refuse("C")
    assert (_names(_search(new_service, "jobs", "first")), _names(_search(new_service, "jobs", "zeppelin"))) == (
        ["first"],
        [],
    )

    load("second")
    refuse("AC")
    failed = requests.get(f"{new_service.url}/api/v2beta/search/jobs?q=second", timeout=30)
    assert failed.status_code == 500, "nothing is wrong with the request"
    refuse("")
    assert _names(_search(new_service, "jobs", "second")) == ["second"]


def test_what_a_run_says_through_another_job_is_found_under_its_own(service: LineageService) -> None:
    """A run is that of the first job which used its id, whichever job its later events name."""
    run_id = str(uuid.uuid4())

    def says(job: str, word: str, second: int) -> dict[str, Any]:
        sql = {"sql": facet(query=f"select {word}")}
        return run_event("RUNNING", f"2026-03-01T12:00:0{second}Z", run_id, ("shared", job), job_facets=sql)

    found: list[list[str]] = []
    for job, word, second in (("owner", "pangolin", 0), ("guest", "axolotl", 1)):
        service.accept(says(job, word, second))
        found.append([q for q in ("pangolin", "axolotl") if _names(_search(service, "jobs", q)) == ["owner"]])

    assert found == [["pangolin"], ["axolotl"]]


def test_many_search_while_events_are_stored(service: LineageService) -> None:
    def store(number: int) -> None:
        tables = [dataset("busy", f"bustling_table_{number}", {"schema": schema("t")})]
        service.accept(
            run_event("COMPLETE", _AT, str(uuid.uuid4()), ("busy", f"bustling_job_{number}"), outputs=tables)
        )
        assert _names(_search(service, "jobs", f"bustling job {number}"))[0] == f"bustling_job_{number}"
        assert _names(_search(service, "datasets", f"bustling_table_{number}"))[0] == f"bustling_table_{number}"

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(store, range(80)))


@pytest.mark.parametrize("what", ["jobs", "datasets"])
@pytest.mark.parametrize("query", ["", "?q=", "?q=%20"])
def test_a_blank_search_is_refused(service: LineageService, what: str, query: str) -> None:
    response = requests.get(f"{service.url}/api/v2beta/search/{what}{query}", timeout=30)

    assert (response.status_code, "query param q must not be" in response.text) == (400, True)


def test_what_the_database_finds_is_what_is_marked(new_database: Callable[[], str]) -> None:
    url = new_database()
    asyncio.run(migrate(url))
    chance = random.Random(7)
    letters = "abAB1e._/:-@ &<>%'\"\\é"
    pairs = [
        ("".join(chance.choices(letters, k=chance.randint(1, 14))), "".join(chance.choices(letters, k=4)))
        for _ in range(5000)
    ]

    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT search_vector(jsonb_build_array(content), 'A') @@ search_query(q) "
            "FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS pairs (content, q, number) ORDER BY number",
            [[text for text, _ in pairs], [q for _, q in pairs]],
        ).fetchall()

    found = {pair for pair, (is_found,) in zip(pairs, rows, strict=True) if is_found}
    marked = {(text, q) for text, q in pairs if (pattern := phrase(q)) and pattern.search(text)}
    assert len(found) > 300
    assert found <= marked
    # Of a name in mixed case, the words inside it are marked as well when the rest of the phrase stands elsewhere.
    assert {(text, q) for text, q in marked - found if text == text.lower()} == set()
