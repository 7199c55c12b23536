"""What is said of PySpark, its Java and the jars."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.doctor import command, troubles
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.spark_check import SparkFacts, judge, look
from weather_pipeline.doctor.surroundings import Surroundings
from weather_pipeline.settings import Settings
from weather_pipeline.spark.java import SparkJava
from weather_pipeline.stack.status import NOT_RUNNING, StackStatus

JAVA = SparkJava(Path("/usr/bin/java"), 17, "the system's")
GOOD = SparkFacts("4.1.3", JAVA, 7, (), Path("/home/jars"), "weather spark jars")


def test_all_well() -> None:
    assert [finding.found for finding in judge(GOOD)] == [
        "PySpark 4.1.3",
        "Java 17, the system's (/usr/bin/java)",
        "7 jars in /home/jars",
    ]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(GOOD, pyspark="4.2.0"), {"pyspark": Status.PROBLEM}),
        (replace(GOOD, java="No Java 17 or 21 for Spark: …"), {"java": Status.PROBLEM}),
        (replace(GOOD, missing=("a.jar", "b.jar")), {"jars": Status.WARNING}),
        (replace(GOOD, java=replace(JAVA, complete=False)), {}),
    ],
)
def test_each_trouble(facts: SparkFacts, expected: dict[str, Status]) -> None:
    assert troubles(judge(facts)) == expected


def test_missing_jars_come_with_the_command() -> None:
    finding = judge(replace(GOOD, missing=("a.jar",)))[-1]
    assert finding.found == "1 of 7 jars are not in /home/jars."
    assert finding.command == "weather spark jars"


def test_who_has_no_pyspark_needs_none_of_it() -> None:
    (finding,) = judge(replace(GOOD, pyspark=None, java="none", missing=("a.jar",)))
    assert finding.status is Status.SKIPPED
    assert "make spark" in finding.found


def test_tables_on_s3_need_one_more_jar(tmp_path: Path) -> None:
    settings = Settings(spark_jars=tmp_path, iceberg_warehouse="s3://bucket/lake")
    stack = StackStatus(NOT_RUNNING, "/h")
    findings = look(Surroundings(settings, {}, tmp_path, tmp_path, stack, command)).findings
    assert findings[-1].command == "weather spark jars --s3"
