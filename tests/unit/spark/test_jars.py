"""Which jars a session gets, and what is said where they are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.spark.jars import SPARK_LINE, family, jar_configuration, missing_jars, uses_s3, wanted_jars
from weather_pipeline.stack.jars import locked_jars

VERSION = f"{SPARK_LINE}.3"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory in which a file lies for each jar."""
    for jar in wanted_jars():
        (tmp_path / jar.name).touch()
    return tmp_path


def names(class_path: str) -> list[str]:
    return [Path(file).name for file in class_path.split(":")]


def test_the_locked_jars_are_of_one_line_of_spark() -> None:
    artifacts = {jar.artifact: jar.version for jar in locked_jars("spark")}
    assert artifacts["spark-sql-kafka-0-10_2.13"].startswith(f"{SPARK_LINE}.")
    assert f"iceberg-spark-runtime-{SPARK_LINE}_2.13" in artifacts
    assert {family(jar) for jar in locked_jars("spark")} == {
        "iceberg-spark-runtime",
        "openlineage-spark",
        "spark-sql-kafka",
        "spark-token-provider-kafka",
        "kafka-clients",
        "commons-pool2",
        "postgresql",
    }
    assert [family(jar) for jar in locked_jars("spark-s3")] == ["iceberg-aws-bundle"]


def test_a_session_on_this_machine_gets_all_on_its_class_path(directory: Path) -> None:
    told = jar_configuration({"spark.master": "local[2]"}, directory, spark_version=VERSION)
    assert set(told) == {"spark.driver.extraClassPath"}
    assert names(told["spark.driver.extraClassPath"]) == [jar.name for jar in wanted_jars()]


@pytest.mark.parametrize("master", ["spark://host:7077", "yarn", "k8s://https://host", "local-cluster[2,1,1024]"])
def test_executors_elsewhere_are_sent_all_but_the_listener(directory: Path, master: str) -> None:
    told = jar_configuration({"spark.master": master}, directory, spark_version=VERSION)
    driver, executors = told["spark.driver.extraClassPath"].split(":"), told["spark.jars"].split(",")
    (listener,) = set(driver) - set(executors)
    assert Path(listener).name.startswith("openlineage-spark")
    assert set(executors) < set(driver)


@pytest.mark.parametrize(
    "given",
    [
        {"spark.jars": "/opt/iceberg-spark-runtime-4.1_2.13-1.11.0.jar"},
        {"spark.jars.packages": "org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.11.0"},
        {"spark.driver.extraClassPath": "/opt/iceberg-spark-runtime.jar:/opt/other.jar"},
    ],
)
def test_a_jar_that_the_job_brings_is_not_added(directory: Path, given: dict[str, object]) -> None:
    told = names(jar_configuration(given, directory, spark_version=VERSION)["spark.driver.extraClassPath"])
    assert len(told) == len(wanted_jars()) - 1
    assert not any("iceberg" in name for name in told)


def test_a_job_with_all_its_jars_may_run_on_any_spark(tmp_path: Path) -> None:
    given = {"spark.jars": ",".join(f"/opt/{jar.artifact}.jar" for jar in wanted_jars())}
    assert jar_configuration(given, tmp_path, spark_version="3.5.8") == {}


def test_missing_jars_come_with_what_to_do(directory: Path) -> None:
    gone = wanted_jars()[0]
    (directory / gone.name).unlink()
    assert missing_jars(wanted_jars(), directory) == [gone]
    with pytest.raises(ConfigurationError) as caught:
        jar_configuration({}, directory, spark_version=VERSION)
    assert f"not all in {directory}: {gone.name} missing" in str(caught.value)
    assert "`weather spark jars`" in str(caught.value)


def test_another_line_of_spark_is_refused(directory: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"PySpark 4\.2\.0 is installed, and the jars are for Spark 4\.1"):
        jar_configuration({}, directory, spark_version="4.2.0")
    with pytest.raises(ConfigurationError, match=r"PySpark 4\.10\.0"):
        jar_configuration({}, directory, spark_version="4.10.0")


def test_a_catalog_that_says_itself_where_tables_lie_gets_the_jar_for_s3_where_it_is(directory: Path) -> None:
    given: dict[str, object] = {"spark.sql.catalog.lake.type": "rest"}
    assert "iceberg-aws-bundle" not in str(jar_configuration(given, directory, spark_version=VERSION))
    (directory / locked_jars("spark-s3")[0].name).touch()
    assert "iceberg-aws-bundle" in str(jar_configuration(given, directory, spark_version=VERSION))
    given = {"spark.sql.catalog.lake.type": "hadoop"}
    assert "iceberg-aws-bundle" not in str(jar_configuration(given, directory, spark_version=VERSION))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"spark.sql.catalog.lake.warehouse": "s3://bucket/lake"}, True),
        ({"spark.sql.catalog.lake.warehouse": "s3a://bucket/lake"}, True),
        ({"spark.sql.catalog.lake.io-impl": "org.apache.iceberg.aws.s3.S3FileIO"}, True),
        ({"spark.sql.catalog.lake.warehouse": "file:///lake/s3"}, False),
        ({"spark.eventLog.dir": "s3a://bucket/logs"}, False),
    ],
)
def test_tables_on_s3_need_one_more(directory: Path, given: dict[str, object], expected: bool) -> None:
    assert uses_s3(given) is expected
    if expected:
        with pytest.raises(ConfigurationError, match=r"iceberg-aws-bundle.*`weather spark jars --s3`"):
            jar_configuration(given, directory, spark_version=VERSION)
        (directory / locked_jars("spark-s3")[0].name).touch()
    told = names(jar_configuration(given, directory, spark_version=VERSION)["spark.driver.extraClassPath"])
    assert any(name.startswith("iceberg-aws-bundle") for name in told) is expected
