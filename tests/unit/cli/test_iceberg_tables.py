"""How `weather iceberg` finds and reads tables: addresses, access to files, and what can't be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyarrow.fs import S3FileSystem
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.serializers import ToOutputFile
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.types import NestedField, StringType

from weather_pipeline.cli.iceberg.reading import readable
from weather_pipeline.cli.iceberg.tables import file_properties, opened, shown_database, sql_address
from weather_pipeline.errors import ConfigurationError, DataError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.catalog import Table

TABLE = Table.parsed("demo.news.articles")
SCHEMA = Schema(NestedField(1, "id", StringType(), required=True))


def settings(**given: object) -> Settings:
    return Settings(**given)  # type: ignore[arg-type]


def metadata_file(warehouse: Path, name: str, **properties: str) -> Path:
    """A table's metadata, written as Iceberg does, into a warehouse of directories."""
    file = warehouse / "news" / "articles" / "metadata" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    location = f"file://{file.parent.parent}"
    metadata = new_table_metadata(SCHEMA, UNPARTITIONED_PARTITION_SPEC, UNSORTED_SORT_ORDER, location, properties)
    ToOutputFile.table_metadata(metadata, PyArrowFileIO().new_output(str(file)), overwrite=True)
    return file


def directories(warehouse: Path) -> Settings:
    return settings(iceberg_catalog="hadoop", iceberg_warehouse=f"file://{warehouse}")


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("postgresql://u:p%40@h:1/d", "postgresql+psycopg://u:p%40@h:1/d?connect_timeout=10"),
        ("postgres://u@h/d?sslmode=require", "postgresql+psycopg://u@h/d?connect_timeout=10&sslmode=require"),
        ("postgresql://h/d?connect_timeout=3", "postgresql+psycopg://h/d?connect_timeout=3"),
        ("postgresql://u:p@q%@[::1]/d", "postgresql+psycopg://u:p%40q%25@[::1]/d?connect_timeout=10"),
        ("sqlite:////lake/catalog.db", "sqlite:////lake/catalog.db"),
    ],
)
def test_a_jdbc_catalog_s_address_is_sqlalchemy_s(uri: str, address: str) -> None:
    assert sql_address(uri) == address


@pytest.mark.parametrize(
    "uri", ["mysql://u:secret@h/d", "postgresql:///d", "postgresql://u:secret/@h/d", "sqlite://u:secret@/d", "secret"]
)
def test_another_address_is_refused_without_its_text(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="WEATHER_ICEBERG_URI should be postgresql://") as caught:
        sql_address(uri)
    assert "secret" not in str(caught.value)


def test_people_see_neither_login_nor_options() -> None:
    assert shown_database("postgresql://u:p@h:1/d?password=x") == "postgresql://h:1/d"
    assert shown_database("sqlite:////a/b.db?password=x") == "sqlite:////a/b.db"


def test_files_are_reached_as_spark_reaches_them() -> None:
    given = settings(
        iceberg_uri="postgresql://h/d",
        iceberg_warehouse="s3://bucket/lake",
        iceberg_s3_endpoint="http://host:7070",
        s3_region="eu-west-1",
        s3_access_key="me",
        s3_secret_key="hush",
    )
    assert file_properties(given) == {
        "s3.endpoint": "http://host:7070",
        "client.region": "eu-west-1",
        "s3.force-virtual-addressing": "false",
        "s3.access-key-id": "me",
        "s3.secret-access-key": "hush",
    }
    assert file_properties(settings(iceberg_warehouse="s3://bucket")) == {"s3.force-virtual-addressing": "true"}
    assert file_properties(settings(iceberg_warehouse="file:///lake")) == {}


def test_pyiceberg_knows_the_names_of_the_properties() -> None:
    given = settings(iceberg_warehouse="s3://bucket", iceberg_s3_endpoint="http://host:7070", s3_region="eu-west-1")
    files = PyArrowFileIO(file_properties(given)).fs_by_scheme("s3", "bucket")
    assert isinstance(files, S3FileSystem)
    assert files.region == "eu-west-1"
    assert "http://host:7070" in str(files.__reduce__())


def test_a_table_of_directories_may_have_compressed_metadata(tmp_path: Path) -> None:
    metadata_file(tmp_path, "v9.metadata.json", version="9")
    metadata_file(tmp_path, "v10.gz.metadata.json", version="10")
    with opened(directories(tmp_path), "demo") as tables:
        assert tables.names() == ["news.articles"]
        found = tables.load(TABLE)
    assert found is not None
    assert found.properties["version"] == "10"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("v1.metadata.json", b"", "Invalid JSON"),
        ("v1.metadata.json", b'{"format-version": 9}', "format-version"),
        ("v1.metadata.json", b"\xff\xfe", "codec can't decode"),
        ("v1.gz.metadata.json", b"{}", "Not a gzipped file"),
        ("v1.gz.metadata.json", b"\x1f\x8b", "ended before"),
    ],
)
def test_metadata_that_can_t_be_read_is_told_with_table_and_file(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    file = metadata_file(tmp_path, name)
    file.write_bytes(content)
    with opened(directories(tmp_path), "demo") as tables, pytest.raises(DataError, match=said) as caught:
        tables.load(TABLE)
    assert str(caught.value).startswith(f"The table demo.news.articles can't be read from file://{file}: ")


def test_a_catalog_in_a_database_names_its_table_s_file(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/catalog.db"
    catalog = SqlCatalog("demo", uri=address, warehouse=f"file://{tmp_path}")
    catalog.create_namespace("news")
    location = catalog.create_table("news.articles", SCHEMA).metadata_location
    catalog.engine.dispose()
    file = Path(location.removeprefix("file://"))
    with opened(settings(iceberg_uri=address), "demo") as tables:
        assert tables.names() == ["news.articles"]
        assert tables.load(TABLE) is not None
        file.write_text(json.dumps(json.loads(file.read_text()) | {"current-schema-id": 7}))
        with pytest.raises(DataError, match="current-schema-id") as caught:
            tables.load(TABLE)
    assert location in str(caught.value)


def test_values_that_were_read_are_not_shown() -> None:
    from pyiceberg.table.metadata import TableMetadataUtil

    with pytest.raises(DataError) as caught, readable("demo.news.articles", lambda: "here"):
        TableMetadataUtil.parse_raw('{"format-version": 2, "location": 1, "properties": {"key": ["hush"]}}')
    assert "hush" not in str(caught.value)


def test_an_option_that_only_jdbc_knows_is_named() -> None:
    given = settings(iceberg_uri="postgresql://u:hush@127.0.0.1:1/d?currentSchema=i")
    with pytest.raises(ConfigurationError, match="the option currentSchema") as caught, opened(given, "demo") as tables:
        tables.names()
    assert "hush" not in str(caught.value)
    assert "can't be reached" not in str(caught.value)


@pytest.mark.parametrize(
    "warehouse", ["hdfs://namenode:8020/tables", "gs://bucket/tables", "s3://bucket/tables", "no:x"]
)
def test_directories_that_lie_elsewhere_are_told(warehouse: str) -> None:
    elsewhere = settings(iceberg_catalog="hadoop", iceberg_warehouse=warehouse)
    with (
        pytest.raises(ConfigurationError, match=f"WEATHER_ICEBERG_WAREHOUSE is {warehouse}: "),
        opened(elsewhere, "demo"),
    ):
        pass
