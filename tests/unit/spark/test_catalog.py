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
    assert found.configuration[f"{PREFIX}.URI"] == "jdbc:postgresql://db:6543/lake?sslmode=require"
    assert "hu@sh" not in repr(found)


def test_the_listener_does_not_see_that_it_is_jdbc() -> None:
    found = catalog_of(settings(iceberg_uri="postgresql://db/lake"), "demo").configuration
    assert f"{PREFIX}.type" not in found
    assert (found[f"{PREFIX}.TYPE"], found[f"{PREFIX}.URI"]) == ("jdbc", "jdbc:postgresql://db:5432/lake")


def test_directories_need_no_address() -> None:
    found = catalog_of(settings(iceberg_catalog="hadoop", iceberg_warehouse="file:///w"), "demo").configuration
    assert (found[f"{PREFIX}.type"], found[f"{PREFIX}.warehouse"]) == ("hadoop", "file:///w")


def test_a_server_has_its_address() -> None:
    found = catalog_of(settings(iceberg_catalog="rest", iceberg_uri="http://host:8181"), "demo").configuration
    assert (found[f"{PREFIX}.type"], found[f"{PREFIX}.uri"]) == ("rest", "http://host:8181")


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


@pytest.mark.parametrize("kind", ["jdbc", "rest"])
def test_a_catalog_without_an_address_says_what_to_do(kind: str) -> None:
    with pytest.raises(ConfigurationError, match="weather env"):
        catalog_of(settings(iceberg_catalog=kind), "demo")


def test_a_table_and_one_beside_it() -> None:
    table = Table.parsed("demo.news.articles_raw")
    assert str(table.beside("other")) == "demo.news.other"


@pytest.mark.parametrize("text", ["articles", "a.b", "a.b.c.d", "a..c", "a.b.c d", "a.b.c;drop"])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="CATALOG"):
        Table.parsed(text)
