"""The same jobs on this machine and on a real standalone cluster, with tables in a bucket of a real S3 server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector
from tests.integration.spark.conftest import CONF, Spark
from tests.integration.spark.runs import BATCH, STREAM, Ran, run
from tests.integration.store.buckets import keys, make_bucket
from tests.integration.store.s3_server import ACCESS, S3ServerProcess
from tests.spark_cluster import SparkCluster
from weather_pipeline.lineage.spool import files
from weather_pipeline.spark.article_columns import COLUMNS
from weather_pipeline.spark.jars import wanted_jars
from weather_pipeline.stack.kafka import KafkaBroker
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]  # the first test waits for a cluster and two runs

BATCH_JOB, STREAM_JOB = (module.rpartition(".")[2] for module in (BATCH, STREAM))
HERE, THERE = "here", "there"
"""Buckets, databases and homes of the runs on this machine and on the cluster."""
FILES, ROWS = 4, 40
EXECUTOR_MB = 512

OF_A_RUN = frozenset({"_at", "eventTime", "runId", "datasetVersion", "size"})
"""What no two runs have in common: bytes of a file depend on the order of its rows."""
OF_A_PLACE = frozenset({"applicationId", "master", "spark.master", "uiWebUrl"})
"""What is another on the cluster: nothing else is."""


@dataclass(frozen=True)
class Place:
    """Catalogs on PostgreSQL, buckets for their tables, CSV files, and a cluster."""

    server: S3ServerProcess
    cluster: SparkCluster
    jars: Path
    catalogs: dict[str, str]
    directory: Path

    def run(self, name: str, backend: Collector, module: str, **more: str) -> Ran:
        """Run a job with the bucket and the catalog of this name."""
        variables = {
            "WEATHER_ICEBERG_URI": self.catalogs[name],
            "WEATHER_ICEBERG_WAREHOUSE": f"s3://{name}/lake",
            "WEATHER_ICEBERG_S3_ENDPOINT": self.server.url.replace("s3://", "http://"),
            "WEATHER_S3_ACCESS_KEY": ACCESS.access_key,
            "WEATHER_S3_SECRET_KEY": ACCESS.secret_key,
            "SCRAPED_DATA_PATH": str(self.directory / "articles" / "*.csv"),
            "SPARK_CONF_DIR": str(self.directory / "conf"),
        }
        return run(Spark(self.directory / name, self.jars), backend, module, **variables, **more)


@pytest.fixture(scope="module")
def backend() -> Iterator[Collector]:
    with pytest.MonkeyPatch.context() as patch, Collector() as collector:
        patch.setattr(files, "_QUIET", 0.0)
        yield collector


@pytest.fixture(scope="module")
def place(spark_s3_jars: Path, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("place")
    write_articles(directory / "articles")
    # The size of executors is Spark's own affair. Without the second line the first executor may do all.
    (directory / "conf").mkdir()
    ours = f"spark.executor.memory {EXECUTOR_MB}m\nspark.scheduler.minRegisteredResourcesRatio 1.0\n"
    everybodys = (CONF / "spark-defaults.conf").read_text()
    executors = everybodys.replace("spark.driver", "spark.executor")
    (directory / "conf" / "spark-defaults.conf").write_text(everybodys + executors + ours)
    catalogs = {name: postgres.ensure_database(f"iceberg_{name}") for name in (HERE, THERE)}
    with S3ServerProcess(directory / "s3") as server, SparkCluster(directory / "cluster") as cluster:
        for bucket in catalogs:
            make_bucket(server, bucket)
        yield Place(server, cluster, spark_s3_jars, catalogs, directory)


@pytest.fixture(scope="module")
def here(place: Place, backend: Collector) -> Ran:
    return place.run(HERE, backend, BATCH, SPARK_MASTER="local[2]")


@pytest.fixture(scope="module")
def there(place: Place, backend: Collector) -> Ran:
    return place.run(THERE, backend, BATCH, SPARK_MASTER=place.cluster.url)


@pytest.fixture(scope="module")
def streamed(place: Place, there: Ran, backend: Collector, kafka: KafkaBroker) -> Ran:
    variables = {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC": "articles.of.the.cluster"}
    home = Spark(place.directory / THERE, place.jars)
    sent = home.run("weather_pipeline.cli", "stream", "produce", "--json", **variables)
    assert sent.returncode == 0, sent.stderr
    more = {**variables, "SPARK_MASTER": place.cluster.url, "ICEBERG_TABLE": "demo.news.articles_streamed"}
    return place.run(THERE, backend, STREAM, **more)


def write_articles(directory: Path) -> None:
    """Some files, each with a row that can't be let in."""
    directory.mkdir()
    for number in range(FILES):
        good = [f"f{number}-{row},2026-11-{row % 20 + 1:02}T08:00:00Z,Title {row}" for row in range(ROWS)]
        more = "," * (len(COLUMNS) - 3)
        lines = [",".join(COLUMNS), *(f"{row}{more}" for row in [*good, f",2026-11-01T08:00:00Z,Nobody's {number}"])]
        (directory / f"{number}.csv").write_text("\n".join(lines))


def test_all_rows_are_in_both_tables(here: Ran, there: Ran) -> None:
    for ran in (here, there):
        assert (ran.printed["files"], ran.printed["rows"], ran.printed["rejected"]) == (FILES, FILES * ROWS, FILES)


def test_the_files_lie_in_the_bucket_and_the_name_is_that_of_the_catalog(here: Ran, place: Place) -> None:
    found = keys(place.server, HERE)
    assert any(name.startswith("lake/news/articles_raw/data/") and name.endswith(".parquet") for name in found)
    assert any(name.startswith("lake/news/articles_raw/metadata/") for name in found)
    assert not (place.directory / HERE / "warehouse").exists()
    outputs = {(each["namespace"], each["name"]) for each in here.last(BATCH_JOB)["outputs"]}
    assert outputs == {("iceberg://demo", f"demo.news.articles_raw{suffix}") for suffix in ("", "_rejected")}
    assert here.places("demo.news.articles_raw") == {f"s3://{HERE}/lake/news/articles_raw"}


def test_a_cluster_tells_the_same_but_for_its_own_address(here: Ran, there: Ran) -> None:
    assert told(there) == told(here)
    assert len(told(here)) > len({event["job"]["name"] for event in here.events})


def test_both_workers_ran_tasks_in_executors_of_the_size_that_was_set(there: Ran, place: Place) -> None:
    assert place.cluster.applications()[BATCH_JOB] == "FINISHED"
    assert all(count > 0 for count in place.cluster.tasks())
    (application,) = [each for each in (place.cluster.state() or {})["completedapps"] if each["name"] == BATCH_JOB]
    assert application["memoryperexecutor"] == EXECUTOR_MB


def test_executors_are_sent_all_jars_but_the_listener(there: Ran, place: Place) -> None:
    for worker in range(2):
        sent = {jar.name for log in place.cluster.executor_logs(worker) for jar in log.parent.glob("*.jar")}
        assert sent == {jar.name for jar in wanted_jars(s3=True) if jar.artifact != "openlineage-spark_2.13"}


def test_messages_are_written_by_the_cluster_once(streamed: Ran, place: Place) -> None:
    assert (streamed.printed["messages"], streamed.printed["rows"], streamed.printed["dead_letters"]) == (122, 120, 2)
    assert place.cluster.applications()[STREAM_JOB] == "FINISHED"
    last = streamed.last(STREAM_JOB)
    assert last["eventType"] == "COMPLETE"
    assert ("iceberg://demo", "demo.news.articles_streamed") in streamed.names()
    assert any(name.startswith("lake/news/articles_streamed/data/") for name in keys(place.server, THERE))


def test_secrets_are_nowhere(here: Ran, there: Ran, streamed: Ran, place: Place) -> None:
    assert any("CoarseGrainedExecutorBackend" in line for line in there.command_lines)
    assert [where for ran in (here, there, streamed) for where in ran.shows(ACCESS.secret_key)] == []
    logs = [*place.directory.glob("cluster/*.log"), *place.directory.glob("cluster/*/*/*/std*")]
    assert [log for log in logs if ACCESS.secret_key in log.read_text()] == []


def told(ran: Ran) -> set[str]:
    """The events of a run without what is its own, and without the names of its machines and its bucket."""
    return {_text(_scrubbed(event)).replace(f"s3://{THERE}", f"s3://{HERE}") for event in ran.events}


def _scrubbed(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: "…" if name in OF_A_RUN | OF_A_PLACE else _scrubbed(each) for name, each in part.items()}
    # The listener's lists have no order.
    return sorted(map(_scrubbed, part), key=_text) if isinstance(part, list) else part


def _text(part: Any) -> str:
    return json.dumps(part, sort_keys=True)
