"""Articles into tables of a real REST catalog, in a bucket of a real S3 server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.collector import Collector
from tests.iceberg_rest import IcebergRestServer
from tests.integration.spark.conftest import Spark
from tests.integration.spark.runs import BATCH, HISTORY, Ran, run
from tests.integration.spark.silver import write_silver
from tests.integration.store.buckets import keys, make_bucket
from tests.integration.store.s3_server import ACCESS, S3ServerProcess
from weather_pipeline.lineage.spool import files
from weather_pipeline.spark.jars import wanted_jars
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

JOB = "batch_write_raw_with_lineage"
BUCKET, CREDENTIAL = "tables", "weather:known to the catalog alone"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3ServerProcess]:
    with S3ServerProcess(tmp_path_factory.mktemp("s3") / "s3") as server:
        make_bucket(server, BUCKET)
        yield server


@dataclass(frozen=True)
class Place:
    """Where jobs run, and with which catalog."""

    spark: Spark
    backend: Collector
    variables: dict[str, str]


@pytest.fixture(scope="module")
def place(
    server: S3ServerProcess,
    spark_s3_jars: Path,
    postgres: EmbeddedPostgres,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("rest")
    endpoint = server.url.replace("s3://", "http://")
    catalog = IcebergRestServer(
        directory,
        jars=request.config.cache.mkdir("jars") / "iceberg-rest",
        spark_jars=spark_s3_jars,
        database=postgres.ensure_database("iceberg_rest"),
        properties={
            "warehouse": f"s3://{BUCKET}/lake",
            "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "client.region": "us-east-1",
            "http-client.type": "urlconnection",  # the other one is of another line of the SDK
            "s3.endpoint": endpoint,
            "s3.path-style-access": "true",
            "s3.access-key-id": ACCESS.access_key,
            "s3.secret-access-key": ACCESS.secret_key,
        },
    )
    with pytest.MonkeyPatch.context() as patch, Collector() as backend, catalog:
        patch.setattr(files, "_QUIET", 0.0)
        variables = {
            "SPARK_MASTER": "local[2]",
            "WEATHER_ICEBERG_CATALOG": "rest",
            "WEATHER_ICEBERG_URI": catalog.url,
            "WEATHER_ICEBERG_CREDENTIAL": CREDENTIAL,
            "WEATHER_ICEBERG_S3_ENDPOINT": endpoint,  # where in it tables lie, the catalog says
            "WEATHER_S3_ACCESS_KEY": ACCESS.access_key,
            "WEATHER_S3_SECRET_KEY": ACCESS.secret_key,
        }
        yield Place(Spark(directory / "home", spark_s3_jars), backend, variables)


@pytest.fixture(scope="module")
def ran(place: Place) -> Ran:
    return run(place.spark, place.backend, BATCH, **place.variables)


def test_the_rows_are_in_the_table_and_its_files_in_the_bucket(ran: Ran, server: S3ServerProcess) -> None:
    assert (ran.printed["rows"], ran.printed["rejected"], ran.printed["total"]) == (160, 3, 160)
    names = keys(server, BUCKET)
    for table in ("articles_raw", "articles_raw_rejected"):
        lies = f"lake/news/{table}"
        assert any(name.startswith(f"{lies}/data/") and name.endswith(".parquet") for name in names)
        assert any(name.startswith(f"{lies}/metadata/") and name.endswith(".metadata.json") for name in names)


def test_names_are_those_of_every_other_catalog(ran: Ran) -> None:
    assert ran.names() == {
        ("neuronews", JOB),
        ("neuronews", f"{JOB}.create_table.news_articles_raw"),
        ("neuronews", f"{JOB}.create_table.news_articles_raw_rejected"),
        ("neuronews", f"{JOB}.append_data.demo_news_articles_raw"),
        ("neuronews", f"{JOB}.append_data.demo_news_articles_raw_rejected"),
        ("file", "weather_pipeline/articles"),
        ("iceberg://demo", "demo.news.articles_raw"),
        ("iceberg://demo", "demo.news.articles_raw_rejected"),
    }
    assert ran.places("demo.news.articles_raw") == {f"s3://{BUCKET}/lake/news/articles_raw"}
    assert ran.last(JOB)["eventType"] == "COMPLETE"


def test_the_tables_are_maintained_there(ran: Ran, place: Place) -> None:
    done = place.spark.run("weather_pipeline.spark.maintain_tables", **place.variables)
    assert done.returncode == 0, done.stderr
    articles, rejected = json.loads(done.stdout.splitlines()[-1])["tables"]
    assert (articles["table"], articles["rows"], articles["orphans_removed"]) == ("demo.news.articles_raw", 160, 0)
    assert rejected["rows"] == 3


def test_a_table_by_the_name_of_a_metadata_table_is_made(place: Place) -> None:
    """Asked for a missing `weather.history`, Iceberg looks for the metadata table `history` of a table `weather`."""
    write_silver(place.spark.home, {0: 1.0})
    ran = run(place.spark, place.backend, HISTORY, **place.variables)
    assert (ran.printed["table"], ran.printed["rows"]) == ("demo.weather.history", 2)


def test_secrets_are_nowhere(ran: Ran) -> None:
    assert ran.command_lines
    for secret in (ACCESS.secret_key, CREDENTIAL.partition(":")[2]):
        assert ran.shows(secret) == []


def test_without_the_jar_for_s3_no_spark_starts(spark_jars: Path, tmp_path: Path) -> None:
    jars = tmp_path / "jars"
    jars.mkdir()
    for jar in wanted_jars():
        (jars / jar.name).symlink_to(spark_jars / jar.name)
    warehouse = {"WEATHER_ICEBERG_URI": "postgresql://nowhere/iceberg", "WEATHER_ICEBERG_WAREHOUSE": "s3://tables/lake"}
    done = Spark(tmp_path / "home", jars).run(BATCH, **warehouse)
    assert done.returncode == 1
    assert "iceberg-aws-bundle" in done.stderr
    assert "`weather spark jars --s3`" in done.stderr
    assert not (tmp_path / "home" / "java").exists()
