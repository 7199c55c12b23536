import psycopg
import pytest

from weather_pipeline.errors import ConfigurationError, LoadRejected, StoreUnavailable
from weather_pipeline.store.errors import database_errors

AWAY = "connection failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?"


def test_a_server_that_is_away_names_the_setting_to_check() -> None:
    with pytest.raises(StoreUnavailable) as caught, database_errors():
        raise psycopg.OperationalError(AWAY)
    assert str(caught.value) == (
        "The database is not available: connection failed: Connection refused Is the server running on that host and "
        "accepting TCP/IP connections? Check WEATHER_DATABASE_URL, and that it runs."
    )


def test_the_databases_words_end_as_a_sentence_once() -> None:
    with pytest.raises(LoadRejected, match=r"^no such row\.$"), database_errors():
        raise psycopg.DataError("no such row")
    with pytest.raises(LoadRejected, match=r"^no such row\.$"), database_errors():
        raise psycopg.DataError("no such row.")


def test_who_is_not_let_in_is_told_the_setting_too() -> None:
    with pytest.raises(ConfigurationError, match=r"failed\. Check WEATHER_DATABASE_URL\."), database_errors():
        raise psycopg.OperationalError("password authentication failed")


def test_a_full_disk_of_the_server_and_a_read_only_copy_are_waited_for_and_named() -> None:
    with pytest.raises(StoreUnavailable, match=r"can't be written: no space\. Free space on"), database_errors():
        raise psycopg.errors.DiskFull("no space")
    with pytest.raises(StoreUnavailable, match=r"read-only\. Check that WEATHER_DATABASE_URL names"), database_errors():
        raise psycopg.errors.ReadOnlySqlTransaction("read-only")
