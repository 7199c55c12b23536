"""Spark's settings of the Iceberg catalog."""

from __future__ import annotations

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.catalog import Table, catalog_of

PREFIX = "spark.sql.catalog.demo"


def settings(**given: object) -> Settings:
    return Settings(**given)  # type: ignore[arg-type]


def test_the_password_stands_on_no_command_line() -> None:
    found = catalog_of(settings(iceberg_uri="postgresql://me:hu%40sh@db:6543/lake?sslmode=require"), "demo")
    assert found.secrets == {f"{PREFIX}.jdbc.user": "me", f"{PREFIX}.jdbc.password": "hu@sh"}
    assert not any("hu" in value for value in found.configuration.values())
    assert found.configuration[f"{PREFIX}.uri"] == "jdbc:postgresql://db:6543/lake?sslmode=require"
    assert "hu@sh" not in repr(found)


def test_directories_need_no_address() -> None:
    found = catalog_of(settings(iceberg_catalog="hadoop", iceberg_warehouse="file:///w"), "demo").configuration
    assert (found[f"{PREFIX}.type"], found[f"{PREFIX}.warehouse"]) == ("hadoop", "file:///w")


def test_a_server_has_its_address_and_says_where_tables_lie() -> None:
    found = catalog_of(settings(iceberg_catalog="rest", iceberg_uri="http://host:8181"), "demo").configuration
    assert (found[f"{PREFIX}.type"], found[f"{PREFIX}.uri"]) == ("rest", "http://host:8181")
    assert f"{PREFIX}.warehouse" not in found


def test_a_server_is_asked_for_the_warehouse_that_is_named() -> None:
    given = settings(iceberg_catalog="rest", iceberg_uri="http://host:8181", iceberg_warehouse="news")
    found = catalog_of(given, "demo").configuration
    assert found[f"{PREFIX}.warehouse"] == "news"
    assert f"{PREFIX}.io-impl" not in found


def test_a_server_s_secrets_stand_on_no_command_line() -> None:
    given = settings(iceberg_catalog="rest", iceberg_uri="http://h", iceberg_token="hush", iceberg_credential="me:hush")
    found = catalog_of(given, "demo")
    assert found.secrets == {f"{PREFIX}.token": "hush", f"{PREFIX}.credential": "me:hush"}
    assert "hush" not in str(found.configuration) + repr(found)


@pytest.mark.parametrize(("kind", "uri"), [("jdbc", "postgresql://db/lake"), ("rest", "http://host:8181")])
def test_a_warehouse_on_s3_is_reached_without_hadoop(kind: str, uri: str) -> None:
    given = settings(
        iceberg_catalog=kind,
        iceberg_uri=uri,
        iceberg_warehouse="s3://bucket/lake",
        s3_access_key="me",
        s3_secret_key="hush",
    )
    found = catalog_of(given, "demo")
    assert found.configuration[f"{PREFIX}.warehouse"] == "s3://bucket/lake"
    assert found.configuration[f"{PREFIX}.io-impl"] == "org.apache.iceberg.aws.s3.S3FileIO"
    assert found.secrets == {f"{PREFIX}.s3.access-key-id": "me", f"{PREFIX}.s3.secret-access-key": "hush"}
    assert "hush" not in str(found.configuration) + repr(found)


def test_directories_can_t_lie_on_s3() -> None:
    with pytest.raises(ConfigurationError, match=r"hadoop can't have its tables in s3://b/c.*jdbc or rest"):
        catalog_of(settings(iceberg_catalog="hadoop", iceberg_warehouse="s3://b/c"), "demo")


@pytest.mark.parametrize("uri", ["mysql://me:hush@host/db", "postgresql://host", "postgresql:///db"])
def test_another_address_is_refused_and_not_shown(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="WEATHER_ICEBERG_URI should be postgresql") as caught:
        catalog_of(settings(iceberg_uri=uri), "demo")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "uri"), [("rest", "http://me:hush@host"), ("jdbc", "postgresql://host/db?user=me&password=hush")]
)
def test_a_password_that_would_stand_on_a_command_line_is_refused(kind: str, uri: str) -> None:
    with pytest.raises(ConfigurationError, match="holds a password") as caught:
        catalog_of(settings(iceberg_catalog=kind, iceberg_uri=uri), "demo")
    assert "hush" not in str(caught.value)


def test_a_database_without_an_address_says_that_a_running_stack_has_one() -> None:
    with pytest.raises(
        ConfigurationError, match=r"jdbc needs an address: WEATHER_ICEBERG_URI=postgresql:.*weather env"
    ):
        catalog_of(settings(iceberg_catalog="jdbc"), "demo")


def test_a_server_without_an_address_says_nothing_of_a_stack() -> None:
    with pytest.raises(ConfigurationError, match=r"rest needs an address: WEATHER_ICEBERG_URI=http:") as caught:
        catalog_of(settings(iceberg_catalog="rest"), "demo")
    assert "stack" not in str(caught.value)


def test_a_table_and_one_beside_it() -> None:
    table = Table.parsed("demo.news.articles_raw")
    assert str(table.beside("other")) == "demo.news.other"


@pytest.mark.parametrize("text", ["articles", "a.b", "a.b.c.d", "a..c", "a.b.c d", "a.b.c;drop"])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="CATALOG"):
        Table.parsed(text)
