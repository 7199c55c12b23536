"""What a server that answers lacks, and what the words of one that refuses mean."""

from dataclasses import replace

import pytest

from tests.unit.doctor import command, troubles
from weather_pipeline.doctor.database_check import DatabaseFacts, judge, judge_refusal, look_at_server
from weather_pipeline.doctor.finding import Status
from weather_pipeline.store.migrate import MIGRATIONS, load_migrations

APPLIED = {migration.name: migration.checksum for migration in load_migrations(MIGRATIONS)}
GOOD = DatabaseFacts(
    version=16,
    encoding="UTF8",
    read_only=False,
    user="loader",
    database="weather",
    may_make_temporary=True,
    may_create=True,
    connections=100,
    used=5,
    may_write=True,
    may_use=True,
    applied=APPLIED,
)
EMPTY = replace(GOOD, may_write=None, may_use=None, applied=None)


def test_all_well() -> None:
    (finding,) = judge(GOOD, command)
    assert finding.found == "PostgreSQL 16, database weather; tables are up to date"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(GOOD, version=11), {"version": Status.PROBLEM}),
        (replace(GOOD, encoding="SQL_ASCII"), {"encoding": Status.PROBLEM}),
        (replace(GOOD, read_only=True), {"read-only": Status.PROBLEM}),
        (replace(GOOD, used=95), {"connections": Status.WARNING}),
        (replace(GOOD, may_make_temporary=False), {"rights": Status.PROBLEM}),
        (replace(GOOD, may_write=False), {"rights": Status.PROBLEM}),
        (replace(GOOD, may_use=False, applied=None), {"rights": Status.PROBLEM}),
        (EMPTY, {"tables": Status.PROBLEM}),
        (replace(GOOD, applied=dict(list(APPLIED.items())[:1])), {"tables": Status.PROBLEM}),
        (replace(GOOD, applied={**APPLIED, "9999_later": "x"}), {"tables": Status.PROBLEM}),
    ],
)
def test_each_trouble(facts: DatabaseFacts, expected: dict[str, Status]) -> None:
    assert troubles(judge(facts, command)) == expected


def test_pending_migrations_are_named_with_the_command() -> None:
    (finding,) = judge(replace(GOOD, applied=dict(list(APPLIED.items())[:1])), command)
    assert list(APPLIED)[1] in finding.found
    assert finding.command == "weather migrate"
    (finding,) = judge(EMPTY, command, embedded=True)
    assert finding.command == ""


def test_lacking_rights_come_as_statements() -> None:
    finding, *_ = judge(replace(GOOD, may_make_temporary=False, may_write=False), command)
    assert 'GRANT TEMPORARY ON DATABASE "weather" TO "loader";' in finding.command
    assert finding.command.endswith('ALL TABLES IN SCHEMA weather TO "loader";')


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ('FATAL: password authentication failed for user "a"', "password or the user"),
        ('FATAL: role "a" does not exist', "no such user"),
        ('FATAL: database "x" does not exist', "no such database"),
        ("connection failed: Connection refused Is the server running", "does not run"),
        ("connection timeout expired", "firewall"),
        ("failed to resolve host 'nowhere'", "not known"),
        ("FATAL: sorry, too many clients already", "connections are taken"),
        ("FATAL: no pg_hba.conf entry for host", "nobody in"),
        ("server does not support SSL, but SSL was required", "TLS"),
        ("FATAL: the database system is starting up", "starting"),
        ("something new", "words say why"),
    ],
)
def test_refusals_are_told_apart(words: str, cause: str) -> None:
    finding = judge_refusal(words)
    assert troubles([finding]) == {"server": Status.PROBLEM}
    assert cause in finding.cause


def test_a_mistyped_url_is_not_shown() -> None:
    (finding,) = look_at_server("postgresql://someone:s3%cret@host/x", command).findings
    assert troubles([finding]) == {"url": Status.PROBLEM}
    assert "s3" not in str(finding)
