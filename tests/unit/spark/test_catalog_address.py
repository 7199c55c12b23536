"""Addresses of Iceberg catalogs."""

from __future__ import annotations

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.spark.catalog_address import database_address, server_address


def test_a_database_is_shown_without_login_and_options() -> None:
    found = database_address("postgres://me:h%2F%3F%40@db:6543/lake?sslmode=require&sslpassword=hush")
    assert (found.user, found.password, found.port) == ("me", "h/?@", 6543)
    assert str(found) == "postgresql://db:6543/lake"
    assert "h/?@" not in repr(found)
    assert "hush" not in repr(found)


def test_an_ipv6_address_keeps_its_brackets() -> None:
    assert str(database_address("postgresql://u@[::1]:5432/d")) == "postgresql://[::1]:5432/d"
    assert str(database_address("postgresql://u@[::1]/d")) == "postgresql://[::1]/d"


@pytest.mark.parametrize("password", ["hush/x", "12/hush", "hush?x", "12?hush", "hush#x", "12#hush", "hush[x", "hu]sh"])
def test_a_password_that_cuts_the_address_is_not_shown_and_the_way_is(password: str) -> None:
    with pytest.raises(ConfigurationError, match="/ is written %2F") as caught:
        database_address(f"postgresql://u:{password}@h:1/d")
    assert not any(part in str(caught.value) for part in ("hu", "12"))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("port", ["x", "70000"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ConfigurationError, match="host:port"):
        database_address(f"postgresql://u:p@h:{port}/d")


def test_a_server_s_address_has_no_slash_at_its_end() -> None:
    assert server_address("https://host:8181/catalog/") == "https://host:8181/catalog"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://u:hush@host", "WEATHER_ICEBERG_TOKEN"),
        ("http://u:12/hush@host", "WEATHER_ICEBERG_TOKEN"),
        ("http://host:hush", "http://host:port"),
        ("http://[hush", "http://host:port"),
        ("postgresql://hush/d", "http://host:port"),
        ("http://host?token=hush", "http://host:port"),
    ],
)
def test_another_server_is_refused_and_not_shown(uri: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        server_address(uri)
    assert "hush" not in str(caught.value)
