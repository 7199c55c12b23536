"""A database's address: how people may see it, and what is said of one that can't be used."""

from __future__ import annotations

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.marquez.embedded.address import FOR_GOOD, explained, shown

_FORM = "postgresql://user:password@host:port/database"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://me:hush@db.example:5433/lineage", "postgresql://me@db.example:5433/lineage"),
        ("postgresql://me:h%40sh@db.example/lineage?sslmode=require", "postgresql://me@db.example:5432/lineage"),
        ("postgresql://db.example/lineage?user=me&password=hush", "postgresql://me@db.example:5432/lineage"),
        ("host=db.example user=me password=hush dbname=lineage", "postgresql://me@db.example:5432/lineage"),
        ("postgresql:///lineage", "postgresql://localhost:5432/lineage"),
        ("postgresql://me@one:5432,two:5433/lineage", "postgresql://me@one,two:5432,5433/lineage"),
        ("postgresql://me@one,two/lineage?port=5433", "postgresql://me@one,two:5433/lineage"),
        ("postgresql://[::1]:65535/lineage?connect_timeout=3", "postgresql://::1:65535/lineage"),
        ("postgresql://%2Fvar%2Frun/lineage", "postgresql:///var/run:5432/lineage"),
        ("postgresql://me:hush@h/a%40b", "postgresql://me@h:5432/a@b"),
    ],
)
def test_it_is_shown_without_the_password(url: str, seen: str) -> None:
    assert shown(url) == seen


@pytest.mark.parametrize(
    "url",
    [
        "hush",
        "mysql://me:hush@h/d",
        "postgresql://me:hush%zz@h/d",
        "postgresql://me:hush/3@host",
        "postgresql://me:1@hush@host",
        "postgresql://me:1/?hush=3@host",
        "postgresql://me:1?hush=3",
        "host=h password=my hush=3",
        "postgresql://me:70000/hush@host",
        "postgresql://me:12345/hush@host/db",
        "postgresql://me:12,3/hush@host/db",
    ],
)
def test_what_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match=_FORM) as caught:
        shown(url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("mysql://me:hush@h/d", "it begins with mysql://"),
        ("postgresql+psycopg://me:hush@h/d", "it begins with postgresql+psycopg://"),
        ("PostgreSQL://me:hush@h/d", "it begins with PostgreSQL://"),
        ("postgresql://me:hush@h:port/d", "its port is no number from 1 to 65535"),
        ("postgresql://me:hush@h:65536/d", "its port is no number from 1 to 65535"),
        ("postgresql://me:hush@h:0/d", "its port is no number from 1 to 65535"),
        ("postgresql://me:hush@h:-1/d", "its port is no number from 1 to 65535"),
        ("postgresql://me:hush@h:5432,i:x/d", "its port is no number from 1 to 65535"),
        ("host=h port=x password=hush", "its port is no number from 1 to 65535"),
        ("postgresql://me:hush@,/d", "one of its hosts is empty"),
        ("postgresql://me:hush@h,/d", "one of its hosts is empty"),
        ("host='' password=hush", "its host is empty"),
        ("postgresql://me:hush@h:1,i:2,j/d?port=1,2", "its hosts and its ports are not as many: 3 and 2"),
        ("postgresql://me:hush@h@i/d", "its host has an @"),
        ("postgresql://me:hush@h/d?sslmod=require", "PostgreSQL has no option 'sslmod': 'sslmode' may be meant"),
        ("postgresql://me:hush@h:1/d?pool=5", "PostgreSQL has no option 'pool'"),
        ("host=h pasword=hush", "PostgreSQL has no option 'pasword': 'password' may be meant"),
        ("postgresql://me:hush@h/d?connect_timeout=soon", "its connect_timeout is no number of seconds"),
    ],
)
def test_the_part_that_is_wrong_is_named(url: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        shown(url, "--database-url")
    message = str(caught.value)
    assert message.startswith(f"--database-url can't be used: {wrong}")
    assert _FORM in message
    assert "hush" not in message


@pytest.mark.parametrize(
    ("words", "check"),
    [
        ("failed to resolve host 'db': [Errno -2] Name or service not known", "Check the host's name in the address"),
        ('connection to server at "127.0.0.1", port 9 failed: Connection refused\n\tIs the', "Check the host and the"),
        ("connection timeout expired", "Check the host and the port in the address, and that the network"),
        ('connection to server on socket "/tmp/.s.PGSQL.5432" failed: No such file', "without one a PostgreSQL"),
    ],
)
def test_what_to_check_is_said(words: str, check: str) -> None:
    told = explained(words)
    assert told.startswith(" ".join(words.split()) + ". Check ")
    assert check in told


def test_what_says_all_by_itself_is_left_as_it_is() -> None:
    assert explained("password authentication failed\n for user") == "password authentication failed for user"


@pytest.mark.parametrize(
    ("words", "for_good"),
    [
        ('FATAL:  password authentication failed for user "me"', True),
        ('connection is bad: invalid sslmode value: "maybe"', True),
        ('invalid integer value "x" for connection option "keepalives_idle"', True),
        ("could not match 1 host names with 2 hostaddr values", True),
        ("failed to resolve host 'db': [Errno -2] Name or service not known", False),
        ("the database system is starting up", False),
    ],
)
def test_what_will_never_do_is_known(words: str, for_good: bool) -> None:
    assert bool(FOR_GOOD.search(words)) is for_good
