"""The expected lineage and its comparison with what is there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from weather_pipeline.cli.expected import expected_jobs
from weather_pipeline.cli.verify import Recorded, verify
from weather_pipeline.marquez.client import Node, Run
from weather_pipeline.marquez.graph import Graph
from weather_pipeline.settings import Settings, SourceName

EXPECTED = expected_jobs(Settings(home=Path("/srv")))
EDGES = frozenset[tuple[str, str]]().union(*(job.edges for job in EXPECTED))
NODES = frozenset(node for edge in EDGES for node in edge)


def run(state: str, started: float) -> Run:
    at = datetime.fromtimestamp(started, UTC)
    return Run(id="id", state=state, created_at=at, updated_at=at, started_at=at)


def complete(started: float = 100.0) -> dict[str, Sequence[Run]]:
    return {job.node: [run("COMPLETED", started)] for job in EXPECTED}


def recorded(
    runs: Mapping[str, Sequence[Run]],
    nodes: frozenset[str] = NODES,
    edges: frozenset[tuple[str, str]] = EDGES,
) -> Recorded:
    return Recorded(runs, Graph({node: Node(id=node, type=node.split(":")[0].upper()) for node in nodes}, edges))


def test_the_table_of_the_design() -> None:
    assert [job.name for job in EXPECTED] == [
        "raw_weather_data_dagster",
        "weather_quality_check_dagster",
        "clean_weather_data_dagster",
        "weather_to_postgres_dagster",
        "weather_near_towers_dagster",
    ]
    check = EXPECTED[1]
    assert check.node == "job:weather-pipeline:weather_quality_check_dagster"
    assert check.edges == {
        ("dataset:file:lake/bronze/weather", check.node),
        (check.node, "dataset:postgres://localhost:5432:weather.weather.quality_metrics"),
        (check.node, "dataset:postgres://localhost:5432:weather.weather.quarantine"),
    }
    assert ("dataset:https://api.open-meteo.com:v1/forecast", EXPECTED[0].node) in EDGES
    assert (len(EDGES), len(NODES)) == (14, 14)


def test_names_follow_the_settings() -> None:
    settings = Settings(
        lineage_namespace="team", job_suffix="", warehouse_authority="db:5432", lake_url="s3://minio:9000"
    )
    jobs = expected_jobs(settings)
    assert jobs[3].node == "job:team:weather_to_postgres"
    assert ("dataset:s3://silver:weather", jobs[3].node) in jobs[3].edges
    assert (jobs[3].node, "dataset:postgres://db:5432:weather.weather.observations") in jobs[3].edges


def test_the_source_of_the_settings_is_the_first_input() -> None:
    jobs = expected_jobs(Settings(source=SourceName.OPEN_METEO_ARCHIVE))
    assert jobs[0].inputs == (("https://archive-api.open-meteo.com", "v1/archive"),)


def test_all_there() -> None:
    found = verify(recorded(complete()), EXPECTED, since=100.5)
    assert found.missing == found.failed == ()
    assert found.runs == {"COMPLETED": 5}
    assert (len(found.jobs), len(found.datasets), len(found.edges)) == (5, 9, 14)


def test_runs_of_an_earlier_time_do_not_count() -> None:
    found = verify(recorded(complete()), EXPECTED, since=200.0)
    assert len(found.missing) == 5
    assert found.missing[0] == "a completed run of job:weather-pipeline:raw_weather_data_dagster"


def test_what_is_missing_is_named() -> None:
    edge, node = min(EDGES), max(NODES)
    found = verify(recorded(complete(), nodes=NODES - {node}, edges=EDGES - {edge}), EXPECTED)
    assert found.missing == (f"node {node}", f"edge {edge[0]} → {edge[1]}")


def test_only_the_newest_run_of_a_job_makes_it_failed() -> None:
    node = EXPECTED[0].node
    recovered = [run("COMPLETED", 200.0), run("FAILED", 100.0)]
    assert verify(recorded({**complete(), node: recovered}), EXPECTED, since=0.0).failed == ()
    broken = recorded({**complete(), node: recovered[::-1]})
    assert verify(broken, EXPECTED, since=0.0).failed == (f"{node} is FAILED",)


def test_where_nothing_was_launched_an_old_failure_is_nobodys_fault() -> None:
    node = EXPECTED[0].node
    broken = recorded({**complete(), node: [run("FAILED", 200.0), run("COMPLETED", 100.0)]})
    found = verify(broken, EXPECTED)
    assert found.failed == found.missing == ()
