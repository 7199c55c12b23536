"""What the listener is told, and what is refused before Spark starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings, load_settings
from weather_pipeline.spark.listener import (
    LISTENER,
    catalog_configuration,
    check_namespace,
    events_file_name,
    is_tracked,
    listener_configuration,
    merged,
    parent_configuration,
    with_known_catalogs,
)

RUN, ROOT = "0190e7a0-0000-7000-8000-0000000000aa", "0190e7a0-0000-7000-8000-0000000000bb"


def test_the_listener_and_its_namespace() -> None:
    told = listener_configuration(Settings())
    assert told["spark.extraListeners"] == LISTENER
    assert told["spark.openlineage.namespace"] == "neuronews"
    assert told["spark.openlineage.facets.debug.disabled"] == "true"
    assert not any("parent" in name.lower() for name in told)


def test_the_debug_facet_can_be_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_SPARK_DEBUG_FACET", "true")
    assert listener_configuration(load_settings())["spark.openlineage.facets.debug.disabled"] == "false"


@pytest.mark.parametrize(
    ("off", "app", "expected"),
    [
        (None, "Job", True),
        ("Job", "Job", False),
        ("job", "Job", True),
        ("scratch_*, Probe?", "scratch_mine", False),
        ("scratch_*, Probe?", "Probe7", False),
        ("scratch_*, Probe?", "Other", True),
        ("*", "Anything", False),
    ],
)
def test_lineage_is_off_by_job(monkeypatch: pytest.MonkeyPatch, off: str | None, app: str, expected: bool) -> None:
    if off:
        monkeypatch.setenv("WEATHER_SPARK_LINEAGE_OFF", off)
    assert is_tracked(app, load_settings(), {}) is expected


@pytest.mark.parametrize(("value", "expected"), [("true", False), ("TRUE", False), ("false", True), ("", True)])
def test_openlineages_own_switch_counts(value: str, expected: bool) -> None:
    assert is_tracked("Job", Settings(), {"OPENLINEAGE_DISABLED": value}) is expected


def test_parent_and_root_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"https://team/weather/articles_dagster/{RUN}")
    told = parent_configuration(load_settings())
    assert told["spark.openlineage.parentJobNamespace"] == "https://team/weather"
    assert told["spark.openlineage.parentJobName"] == told["spark.openlineage.rootParentJobName"] == "articles_dagster"
    assert told["spark.openlineage.parentRunId"] == told["spark.openlineage.rootParentRunId"] == RUN
    monkeypatch.setenv("OPENLINEAGE_ROOT_PARENT_ID", f"weather/nightly/{ROOT}")
    told = listener_configuration(load_settings())
    assert told["spark.openlineage.parentRunId"] == RUN
    assert told["spark.openlineage.rootParentJobNamespace"] == "weather"
    assert told["spark.openlineage.rootParentJobName"] == "nightly"
    assert told["spark.openlineage.rootParentRunId"] == ROOT


@pytest.mark.parametrize("value", ["job", f"job/{RUN}", f"/job/{RUN}", f"weather//{RUN}", "weather/job/1", "a/b/"])
def test_what_is_no_run_is_refused_with_its_value(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parent_configuration(Settings(spark_parent=value))
    assert "OPENLINEAGE_PARENT_ID should be NAMESPACE/JOB/RUN-ID" in str(caught.value)
    assert repr(value) in str(caught.value)


def test_a_root_alone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="OPENLINEAGE_PARENT_ID is not"):
        parent_configuration(Settings(spark_root_parent=f"weather/nightly/{ROOT}"))


@pytest.mark.parametrize("name", ["neuronews", "https://team.example/a+b", "a" * 1024])
def test_a_namespace_that_marquez_takes(name: str) -> None:
    check_namespace(name)


@pytest.mark.parametrize("name", ["", "news desk", "nouvelles-é", "a" * 1025, "a\n"])
def test_a_namespace_that_marquez_chokes_on_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="WEATHER_SPARK_NAMESPACE"):
        check_namespace(name)


def test_what_the_job_asks_for_holds_and_lists_are_joined() -> None:
    ours = {
        "spark.extraListeners": LISTENER,
        "spark.driver.extraClassPath": "/a.jar:/b.jar",
        "spark.jars": "/a.jar",
        "spark.openlineage.namespace": "neuronews",
    }
    given = {
        "spark.extraListeners": "com.example.Listener",
        "spark.driver.extraClassPath": "/mine.jar",
        "spark.openlineage.namespace": "mine",
        "spark.ui.enabled": False,
    }
    assert merged(ours, given) == {
        "spark.extraListeners": f"com.example.Listener,{LISTENER}",
        "spark.driver.extraClassPath": "/mine.jar:/a.jar:/b.jar",
        "spark.jars": "/a.jar",
        "spark.openlineage.namespace": "mine",
        "spark.ui.enabled": False,
    }
    assert merged(ours, {"spark.extraListeners": LISTENER})["spark.extraListeners"] == LISTENER
    assert merged(ours, {"spark.extraListeners": ""})["spark.extraListeners"] == LISTENER


def test_the_file_of_a_session_is_its_own() -> None:
    first, second = events_file_name("../My job/ü"), events_file_name("../My job/ü")
    assert first != second
    assert Path(first).name == first
    assert first.startswith("_My_job_")
    assert events_file_name("...").startswith("spark-")


def test_catalogs_of_iceberg_remember_no_tables_unless_the_job_says_so() -> None:
    given = {
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.spark_catalog": "org.apache.iceberg.spark.SparkSessionCatalog",
        "spark.sql.catalog.spark_catalog.cache-enabled": "true",
        "spark.sql.catalog.lake.type": "org.apache.iceberg.spark.x",
        "spark.sql.catalog.other": "org.example.Catalog",
    }
    ours = catalog_configuration(given)
    assert ours == {
        "spark.sql.catalog.lake.cache-enabled": "false",
        "spark.sql.catalog.spark_catalog.cache-enabled": "false",
    }
    assert merged(ours, given)["spark.sql.catalog.spark_catalog.cache-enabled"] == "true"


@pytest.mark.parametrize("kind", [{"type": "jdbc"}, {"catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog"}])
def test_a_jdbc_catalog_is_written_as_the_listener_can_take_it(kind: dict[str, str]) -> None:
    lake, other = "spark.sql.catalog.lake", "spark.sql.catalog.other"
    others = {
        other: "org.apache.iceberg.spark.SparkCatalog",
        f"{other}.type": "rest",
        f"{other}.uri": "http://host",
        "spark.sql.catalog.no_iceberg": "org.example.Catalog",
        "spark.sql.catalog.no_iceberg.type": "jdbc",
    }
    given = {lake: "org.apache.iceberg.spark.SparkCatalog", f"{lake}.uri": "jdbc:postgresql://db/x"}
    given |= {f"{lake}.{name}": value for name, value in kind.items()}
    assert with_known_catalogs(given | others) == others | {
        lake: "org.apache.iceberg.spark.SparkCatalog",
        f"{lake}.TYPE": "jdbc",
        f"{lake}.URI": "jdbc:postgresql://db/x",
        "spark.sql.hive.metastore.uris": "thrift://lake-catalog:0",
    }
    assert with_known_catalogs(others) == others


def test_a_metastore_that_the_job_has_stays() -> None:
    lake = "spark.sql.catalog.lake"
    given = {lake: "org.apache.iceberg.spark.SparkCatalog", f"{lake}.type": "JDBC"}
    hive = {"spark.sql.hive.metastore.uris": "thrift://hive:9083"}
    assert with_known_catalogs(given | hive) == {lake: given[lake], f"{lake}.TYPE": "jdbc"} | hive
