"""The warehouse's PostgreSQL: the embedded one, or that of WEATHER_DATABASE_URL."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from weather_pipeline.doctor.clock_reading import ClockReading
from weather_pipeline.doctor.finding import Finding, listed, ok, problem, skipped, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import ConfigurationError, StackError
from weather_pipeline.stack.environment import dagster_environment
from weather_pipeline.stack.holdings import open_postgres
from weather_pipeline.store.database import connection_options
from weather_pipeline.store.migrate import MIGRATIONS, load_migrations, pending

_CONNECT_TIMEOUT = 4
"""Seconds, whole ones: libpq takes no others."""

_OLDEST = 12
"""The tables' checks use `date_trunc` with a time zone, which this version brought."""

_SPARE_CONNECTIONS = 20
"""Four runs at a time with a few connections each."""

_EXTERNAL = "WEATHER_DATABASE_URL"

_FACTS = """
SELECT current_setting('server_version_num')::int / 10000 AS version,
       current_setting('server_encoding') AS encoding,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS read_only,
       current_user::text AS user,
       current_database()::text AS database,
       has_database_privilege(current_database(), 'TEMPORARY') AS may_make_temporary,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       current_setting('max_connections')::int AS connections,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS used,
       extract(epoch FROM clock_timestamp())::float8 AS now,
       (SELECT bool_and(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
               AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'weather' AND c.relkind = 'r') AS may_write,
       (SELECT has_schema_privilege(n.oid, 'USAGE') FROM pg_namespace AS n WHERE n.nspname = 'weather') AS may_use
"""
"""`may_write` is NULL without tables, `may_use` without the schema."""

_APPLIED = "SELECT name, checksum FROM weather.schema_migrations"


@dataclass(frozen=True)
class DatabaseFacts:
    """What the server says of itself, and of what this user may do."""

    version: int
    encoding: str
    read_only: bool
    user: str
    database: str
    may_make_temporary: bool
    may_create: bool
    connections: int
    used: int
    may_write: bool | None
    may_use: bool | None
    applied: dict[str, str] | None
    """Migration → checksum; None where they can't be read, or there are none."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"PostgreSQL {self.version}, database {self.database}"


def look(surroundings: Surroundings) -> Outcome:
    """Look at the warehouse."""
    given = surroundings.settings.database_url
    if given is not None:
        return look_at_server(given.get_secret_value(), surroundings.command)
    if not surroundings.postgres_is_up:
        return Outcome([_embedded(surroundings)])
    try:
        url = dagster_environment(surroundings.settings.home)["WEATHER_DATABASE_URL"]
    except (StackError, KeyError):
        if surroundings.stack.lineage_alone:
            opened = surroundings.command("psql --lineage")
            found = f"the lineage service runs alone: its PostgreSQL has no warehouse, and `{opened}` opens it"
            return Outcome([skipped("server", found)])
        return Outcome([skipped("server", "the embedded PostgreSQL runs, but no Dagster that knows its password")])
    found = look_at_server(url, surroundings.command, embedded=True)
    return Outcome(found.findings)  # its clock is ours


def look_at_server(url: str, command: Callable[[str], str], *, embedded: bool = False) -> Outcome:
    """Look at a server, in a transaction that can't write.

    Args:
        url: The connection URL.
        command: Makes a `weather` command.
        embedded: Whether it is the stack's own.
    """
    try:
        connection_options(url)
    except ConfigurationError as error:
        remedy = "Write it anew; `%` itself is %25, `@` is %40."
        return Outcome([problem("url", str(error), cause=f"{_EXTERNAL} is mistyped.", remedy=remedy)])
    try:
        facts, reading = ask(url)
    except psycopg.Error as error:
        return Outcome([judge_refusal(" ".join(str(error).split()), embedded=embedded)])
    return Outcome(judge(facts, command, embedded=embedded), [reading])


def ask(url: str) -> tuple[DatabaseFacts, ClockReading]:
    """Ask a server; writes nothing.

    Raises:
        psycopg.Error: It did not let us in, or did not answer.
    """
    # Given by the user, a time-out counts: somebody knows the way there.
    given = {option.keyword for option in connection_options(url)}
    conninfo = url if b"connect_timeout" in given else make_conninfo(url, connect_timeout=_CONNECT_TIMEOUT)
    with psycopg.connect(conninfo) as connection, connection.cursor(row_factory=dict_row) as cursor:
        connection.read_only = True
        cursor.execute("SET LOCAL statement_timeout = '5s'")
        sent = time.time()
        row = cursor.execute(_FACTS).fetchone() or {}
        received = time.time()
        applied = None
        if row["may_use"] and row["may_write"] is not None:
            try:
                applied = {each["name"]: each["checksum"] for each in cursor.execute(_APPLIED)}
            except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
                applied = None
        where = f"PostgreSQL at {connection.info.host}:{connection.info.port}"
    reading = ClockReading(where, row.pop("now") - (sent + received) / 2, (received - sent) / 2)
    return DatabaseFacts(**row, applied=applied), reading


def judge(facts: DatabaseFacts, command: Callable[[str], str], *, embedded: bool = False) -> list[Finding]:
    """What to say of a server that answers."""
    findings = [*_judge_server(facts), *_judge_rights(facts), *_judge_tables(facts, command, embedded=embedded)]
    if any(finding.status != "ok" for finding in findings):
        return findings
    whose = "embedded " if embedded else ""
    return [ok("server", f"{whose}{facts.name}; tables are up to date")]


def _judge_server(facts: DatabaseFacts) -> Iterator[Finding]:
    if facts.version < _OLDEST:
        yield problem(
            "version",
            f"{facts.name} is too old.",
            cause=f"The tables need PostgreSQL {_OLDEST} or newer.",
            remedy="Use a newer server, or unset WEATHER_DATABASE_URL for the embedded one.",
        )
    if facts.encoding != "UTF8":
        yield problem(
            "encoding",
            f"{facts.name} has the encoding {facts.encoding}.",
            cause="Names of places and units have letters that it may not know.",
            remedy="Make a database with the right one:",
            command="createdb --encoding UTF8 --template template0 weather",
        )
    if facts.read_only:
        yield problem(
            "read-only",
            f"{facts.name} can't be written.",
            cause="It is a standby, or the user's or database's default is read-only transactions.",
            remedy=f"Name the primary server in {_EXTERNAL}.",
        )
    if facts.connections - facts.used < _SPARE_CONNECTIONS:
        yield warning(
            "connections",
            f"{facts.used} of {facts.connections} connections of {facts.name} are taken.",
            cause="Other programs use the server, or max_connections is small.",
            remedy=f"Leave {_SPARE_CONNECTIONS} free for runs, or raise max_connections.",
        )


def _judge_rights(facts: DatabaseFacts) -> Iterator[Finding]:
    lacking = []
    if not facts.may_make_temporary:
        lacking.append(f'GRANT TEMPORARY ON DATABASE "{facts.database}"')
    if facts.may_use is False:
        lacking.append("GRANT USAGE ON SCHEMA weather")
    if facts.may_write is False:
        lacking.append("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA weather")
    if lacking:
        statements = " ".join(f'{each} TO "{facts.user}";' for each in lacking)
        yield problem(
            "rights",
            f"The user {facts.user} may not do all that loading needs in the database {facts.database}.",
            cause="Rows are copied into a temporary table and from there into the tables of the schema weather.",
            remedy="Have the owner run this:",
            command=statements,
        )


def _judge_tables(facts: DatabaseFacts, command: Callable[[str], str], *, embedded: bool) -> Iterator[Finding]:
    if facts.may_use is False:
        return
    try:
        new = [migration.name for migration in pending(load_migrations(MIGRATIONS), facts.applied or {})]
    except ConfigurationError as error:
        remedy = "Use the version of this program that made the tables, or a database of its own."
        yield problem("tables", str(error), cause="Another version has been at work.", remedy=remedy)
        return
    if not new:
        yield ok("tables", "up to date")
        return
    what = "The tables are missing" if not facts.applied else "The tables are not up to date"
    found = f"{what}: {listed(new)} {'is' if len(new) == 1 else 'are'} still to be applied."
    cause = "The program is newer than the tables, or the database is new."
    if embedded:
        yield problem("tables", found, cause=cause, remedy="Start the stack again, which applies them.")
        return
    if not facts.may_create and facts.may_use is None:
        cause += f" The user {facts.user} may not make the schema: the database's owner has to."
    yield problem("tables", found, cause=cause, remedy="Apply them:", command=command("migrate"))


_REFUSALS = (
    (
        r"password authentication failed|no password supplied",
        "The password or the user is wrong.",
        f"Correct user and password in {_EXTERNAL}, with special characters as %XX.",
    ),
    (
        r"role \".*\" does not exist",
        "There is no such user on the server.",
        f"Make it with `createuser`, or correct {_EXTERNAL}.",
    ),
    (
        r"database \".*\" does not exist",
        "The server has no such database.",
        f"Make it with `createdb --encoding UTF8 NAME`, or correct {_EXTERNAL}.",
    ),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        "The server lets nobody in from this machine, or not without TLS.",
        f"Have an entry added to its pg_hba.conf, or add ?sslmode=require to {_EXTERNAL}.",
    ),
    (
        r"too many clients|remaining connection slots",
        "All its connections are taken.",
        "Close programs that use it, or raise its max_connections.",
    ),
    (
        r"certificate|server does not support SSL|SSL error",
        "TLS with the server failed.",
        f"Correct sslmode and sslrootcert in {_EXTERNAL}.",
    ),
    (
        r"translate host name|resolve host|Name or service not known",
        "The host's name is not known: no network, or a mistyped name.",
        f"Correct the host in {_EXTERNAL}.",
    ),
    (
        r"Connection refused",
        "No server listens there: it does not run, or has another port.",
        f"Start it, or correct host and port in {_EXTERNAL}.",
    ),
    (
        r"timeout expired|timed out",
        "A firewall drops what is sent there, or the server is overloaded.",
        f"Check the way to it, or correct host and port in {_EXTERNAL}.",
    ),
    (
        r"starting up|shutting down|recovery mode",
        "The server is starting or stopping.",
        "Wait and look again.",
    ),
)
"""What libpq and the server say where they let nobody in → cause and remedy. There is no code to tell them by."""


def judge_refusal(words: str, *, embedded: bool = False) -> Finding:
    """What to say of a server that does not let us in, by its own words."""
    found = f"The database can't be used: {words}"
    known = ((cause, remedy) for pattern, cause, remedy in _REFUSALS if re.search(pattern, words))
    cause, remedy = next(known, ("The server's words say why.", f"Check {_EXTERNAL} and the server."))
    if embedded:
        remedy = "Restart the stack; its log is logs/postgres.log in the state directory."
    return problem("server", found, cause=cause, remedy=remedy)


def _embedded(surroundings: Surroundings) -> Finding:
    """What to say of the embedded server while it does not run."""
    server = open_postgres(surroundings.settings.home)
    if surroundings.running:
        return problem(
            "server",
            "The embedded PostgreSQL does not answer, though the stack is not stopped.",
            cause="It died, or is starting again.",
            remedy=f"Its log says why: {server.log_file}. Then restart the stack:",
            command=surroundings.command("down"),
        )
    try:
        obstacle, stored = server.obstacle(), server.stored
    except PermissionError:
        return skipped("server", "the embedded PostgreSQL's directory can't be looked into: see stack")
    if obstacle is not None:
        found, _, remedy = obstacle.partition(". ")
        cause = "Something outside the stack changed files or rights."
        return problem("server", f"{found}.", cause=cause, remedy=remedy)
    if stored is None:
        return skipped("server", "the embedded PostgreSQL is made at the first start")
    return skipped("server", f"the embedded PostgreSQL starts with the stack ({stored})")


CHECK = Check("database", look)
