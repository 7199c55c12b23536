"""`weather psql`: a look into the databases with PostgreSQL's own client."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

from weather_pipeline.cli.common import home_option, read_settings, warehouse_url
from weather_pipeline.errors import ConfigurationError

_SECRETS = frozenset({"sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
"""Secret parts of a connection URL that libpq reads from no variable."""

_OVERRIDES = ("PGSERVICE", "PGHOSTADDR")
"""Variables that would send psql elsewhere than to the host of the URL."""


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="""
    \b
    Examples:
      weather psql -c "SELECT count(*) FROM weather.observations"
      weather psql --lineage -c "SELECT count(*) FROM lineage_events"

    \b
    Exit codes: psql's own; 1 where no warehouse or lineage service is known.
    """,
)
@click.option("--lineage", is_flag=True, help="Open the lineage service's database in place of the warehouse.")
@home_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(*, lineage: bool, home: Path | None, arguments: tuple[str, ...]) -> None:
    """Open the warehouse in psql, or the lineage service's database.

    The warehouse is WEATHER_DATABASE_URL, or the running stack's; the lineage service's database with --home that of
    what runs there, else WEATHER_LINEAGE_DATABASE_URL, or the running stack's. ARGUMENTS are psql's.
    """
    from weather_pipeline.cli.lineage.database import database_of
    from weather_pipeline.stack.postgres import installation

    login, options = psql_login(database_of(home) if lineage else warehouse_url(read_settings(home)))
    inherited = {name: value for name, value in os.environ.items() if name not in _OVERRIDES}
    program = str(installation() / "bin" / "psql")
    # Python ignores SIGPIPE, and psql would go on doing so: `weather psql … | head` is to end quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # In place of this process, not below it: Ctrl-C is psql's, which cancels the query and stays.
    os.execve(program, [program, *options, *arguments], {**inherited, **login})  # noqa: S606  (no shell is wanted)


def psql_login(url: str) -> tuple[dict[str, str], list[str]]:
    """How to tell psql where to connect, with nothing secret on its command line, which every user can read.

    Returns:
        Variables for its environment, and options for what libpq reads from no variable.

    Raises:
        ConfigurationError: The URL can't be used. Its text is not in the message.
    """
    from weather_pipeline.store.database import connection_options

    parsed = connection_options(url)
    login = {option.envvar.decode(): (option.val or b"").decode() for option in parsed if option.envvar}
    others = {option.keyword.decode(): (option.val or b"").decode() for option in parsed if not option.envvar}
    if secrets := sorted(_SECRETS & others.keys()):
        raise ConfigurationError(
            f"psql can take {', '.join(secrets)} of the database's URL on its command line only, where every user "
            "can read it: start psql yourself, with a service file."
        )
    return login, ["-d", _connection_string(others)] if others else []


def _connection_string(options: dict[str, str]) -> str:
    from psycopg.conninfo import make_conninfo

    return make_conninfo("", **options)
