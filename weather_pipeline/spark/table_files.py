"""Whether the files at a table's location are its own: what no snapshot of it names may belong to another table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql import SparkSession

from weather_pipeline.errors import DataError
from weather_pipeline.spark.catalog import Table

_METADATA = ".metadata.json"


class SharedLocation(DataError):
    """Another table's files lie where this one's do."""


def check_alone(spark: SparkSession, table: Table) -> None:
    """See that no other table has its metadata at this table's location, as that of another catalog by the same name.

    Every commit of a table writes a metadata file with the table's UUID there.

    Args:
        spark: A session that knows the table's catalog.
        table: The table.

    Raises:
        SharedLocation: One has.
    """
    java: Any = spark._jvm  # noqa: SLF001  (Iceberg's Java alone lists files on every storage)
    loaded = java.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, str(table))  # noqa: SLF001
    current, files = loaded.operations().current(), loaded.io()
    own = {_name(current.metadataFileLocation()), *(_name(each.file()) for each in current.previousFiles())}
    for location in _locations(files.listPrefix(f"{loaded.location()}/metadata/")):
        if not location.endswith(_METADATA) or _name(location) in own:
            continue
        uuid = java.org.apache.iceberg.TableMetadataParser.read(files, location).uuid()
        if uuid != current.uuid():
            raise SharedLocation(
                f"its location {loaded.location()} also has files of another table ({_name(location)}), so none was "
                "removed as an orphan. Two catalogs use one warehouse: give each one its own "
                "(WEATHER_ICEBERG_WAREHOUSE), and move one of the tables."
            )


def _locations(listed: Any) -> Iterator[str]:
    found = listed.iterator()
    while found.hasNext():
        yield found.next().location()


def _name(location: str) -> str:
    return location.rpartition("/")[2]
