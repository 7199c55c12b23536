"""OpenLineage's Spark listener against the embedded lineage service, as it is: over HTTP, without the spool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.marquez.conftest import LineageService
from tests.integration.spark.conftest import Spark

pytestmark = pytest.mark.integration

APPEND = "articles_to_iceberg.append_data.lake_news_articles"


def test_the_listener_s_jobs_datasets_and_columns_are_there(
    spark: Spark, new_database: Callable[[], str], tmp_path: Path
) -> None:
    csv, warehouse = tmp_path / "articles.csv", tmp_path / "lake"
    csv.write_text("id,published_at,title\na1,2026-11-20T08:00:00Z,Rain\n")
    table = f"{warehouse}/news/articles"
    with LineageService(new_database(), tmp_path / "service.log") as service:
        job = ("tests.integration.spark.articles_job", str(csv), str(warehouse))
        done = spark.run(*job, WEATHER_SPARK_TRANSPORT="http", MARQUEZ_URL=service.url)
        assert done.returncode == 0, done.stderr
        jobs = service.get("/api/v1/namespaces/neuronews/jobs")["jobs"]
        states = {job["name"]: job["latestRun"]["state"] for job in jobs}
        assert states["articles_to_iceberg"] == states[APPEND] == "COMPLETED"
        written = service.get(f"/api/v1/namespaces/file/datasets/{quote(table, safe='')}")
        assert [field["name"] for field in written["fields"]] == ["id", "published_at", "title"]
        graph = service.get(f"/api/v1/lineage?nodeId={quote(f'job:neuronews:{APPEND}', safe='')}")["graph"]
        assert {f"dataset:file:{csv}", f"dataset:file:{table}"} <= {node["id"] for node in graph}
        column = quote(f"datasetField:file:{table}:title", safe="")
        columns = service.get(f"/api/v1/column-lineage?nodeId={column}")["graph"]
        assert f"datasetField:file:{csv}:title" in {node["id"] for node in columns}
