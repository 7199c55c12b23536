"""The jars of Spark jobs: which a session needs, whether they are there, how Spark is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.stack.jars import Jar, class_path, locked_jars

SPARK_LINE = "4.1"
"""The line of Spark that the locked jars are built for."""

DRIVER_CLASS_PATH, JARS = "spark.driver.extraClassPath", "spark.jars"

_BRINGING = (DRIVER_CLASS_PATH, JARS, "spark.jars.packages")
_VERSION = re.compile(r"-\d.*$|_2\.\d+$")
_LOCAL = re.compile(r"local(\[.*\])?")
_S3 = re.compile(r"s3[an]?://|\.S3FileIO$")
_REST = re.compile(r"spark\.sql\.catalog\.[^.]+\.type")
_ON_DRIVER = "openlineage-spark"


def wanted_jars(*, s3: bool = False) -> tuple[Jar, ...]:
    """The locked jars of Spark jobs.

    Args:
        s3: Whether those for tables on S3 are wanted too.
    """
    return (*locked_jars("spark"), *(locked_jars("spark-s3") if s3 else ()))


def uses_s3(configuration: Mapping[str, object]) -> bool:
    """Whether a catalog of a session has its tables on S3."""
    catalogs = (str(value) for name, value in configuration.items() if name.startswith("spark.sql.catalog."))
    return any(_S3.search(value) for value in catalogs)


def may_use_s3(configuration: Mapping[str, object]) -> bool:
    """Whether a catalog's server says where its tables lie, which may be on S3."""
    return any(_REST.fullmatch(name) and value == "rest" for name, value in configuration.items())


def missing_jars(jars: Iterable[Jar], directory: Path) -> list[Jar]:
    """The jars that are not there. What is there was checked when it was fetched."""
    return [jar for jar in jars if not (directory / jar.name).is_file()]


def jar_configuration(configuration: Mapping[str, object], directory: Path, *, spark_version: str) -> dict[str, str]:
    """The settings that give a session our jars, without those of which it brings its own.

    Args:
        configuration: The session's other settings.
        directory: Where our jars lie.
        spark_version: The version of PySpark.

    Raises:
        ConfigurationError: A jar is missing, or this Spark is of another line than the jars.
    """
    brought = " ".join(str(configuration.get(name, "")) for name in _BRINGING)
    s3 = uses_s3(configuration) or (may_use_s3(configuration) and not missing_jars(locked_jars("spark-s3"), directory))
    jars = [jar for jar in wanted_jars(s3=s3) if family(jar) not in brought]
    if not jars:
        return {}
    if not spark_version.startswith(f"{SPARK_LINE}."):
        raise ConfigurationError(
            f"PySpark {spark_version} is installed, and the jars are for Spark {SPARK_LINE}. Install that: "
            "`pip install 'weather-pipeline[spark]'`."
        )
    if missing := missing_jars(jars, directory):
        names = ", ".join(jar.name for jar in missing)
        s3 = " --s3" if set(missing) - set(wanted_jars()) else ""
        raise ConfigurationError(
            f"Spark's jars are not all in {directory}: {names} missing. Fetch them once with `weather spark jars{s3}`, "
            "or name their directory in WEATHER_SPARK_JARS."
        )
    return _told(jars, directory, str(configuration.get("spark.master", "local")))


def family(jar: Jar) -> str:
    """The artifact without any version of its own, of Spark's or of Scala's: how another release is recognized.

    `iceberg-spark-runtime-4.1_2.13` is of the family `iceberg-spark-runtime`.
    """
    return _VERSION.sub("", jar.artifact)


def _told(jars: Sequence[Jar], directory: Path, master: str) -> dict[str, str]:
    told = {DRIVER_CLASS_PATH: class_path(directory / jar.name for jar in jars)}
    if not _LOCAL.fullmatch(master):  # the executors are elsewhere, and are sent what they need
        told[JARS] = ",".join(str(directory / jar.name) for jar in jars if family(jar) != _ON_DRIVER)
    return told
