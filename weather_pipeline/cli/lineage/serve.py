"""`weather lineage serve`: the lineage service alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.addresses import for_people
from weather_pipeline.cli.common import home_option, not_empty, read_settings, stay, stop_signals, weather_command
from weather_pipeline.cli.lineage.database import named_database
from weather_pipeline.cli.lineage.listening import door_options, naming_owner
from weather_pipeline.errors import StackError

if TYPE_CHECKING:
    from weather_pipeline.settings import Settings
    from weather_pipeline.stack.plan import Door


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage serve
      weather lineage serve --port 5050 --home ~/lineage
      WEATHER_LINEAGE_TOKEN_FILE=/run/secrets/lineage weather lineage serve --host 0.0.0.0
      WEATHER_LINEAGE_DATABASE_URL=postgresql://user:password@db.example:5432/lineage weather lineage serve

    \b
    Other machines reach any --host but a loopback address: that wants a token, which clients send as
    `Authorization: Bearer TOKEN`, or --insecure. docs/lineage-service.md: "Run it for a team".

    \b
    `depth` of the graph (GET /api/v1/lineage) counts steps from job to job: 20 where it is not given, 0 to 1000.
    docs/lineage-service.md: "Depth".

    \b
    Exit codes: 0 stopped by Ctrl-C or SIGTERM; 1 could not start, as where the port is taken or --host is not this
    machine's, or its PostgreSQL or service kept dying; 2 wrong usage, which an open address without a token is; 130
    interrupted by Ctrl-C or SIGTERM before it was up.
    """
)
@door_options(port=5000, insecure="Let other machines read and write without a token.")
@click.option(
    "--database-url",
    metavar="URL",
    callback=not_empty,
    help="PostgreSQL to keep lineage in. Every user of this machine can read a password on a command line: one with a "
    "password better stands in WEATHER_LINEAGE_DATABASE_URL.  [default: that, else a PostgreSQL of its own in the "
    "state directory]",
)
@home_option
def serve(*, host: str, port: int | None, database_url: str | None, insecure: bool, home: Path | None) -> None:
    """Run the lineage service, Marquez's API on PostgreSQL, until Ctrl-C."""
    from weather_pipeline.marquez.embedded.access import Exposed, check_exposure
    from weather_pipeline.marquez.embedded.server import SERVER
    from weather_pipeline.marquez.listening import check_host
    from weather_pipeline.marquez.token import lineage_token
    from weather_pipeline.stack.plan import Door

    settings = read_settings(home)
    door = Door(host, port or settings.lineage_port, insecure)
    token = lineage_token(settings)
    check_host(host, server=SERVER)  # before it is judged who reaches it: a mistyped one is nobody's
    try:
        check_exposure(host, token=token, insecure=insecure)
    except Exposed as error:
        raise click.UsageError(str(error)) from error
    lines = [f"Lineage API   {_where(door)}", f"Access        {_access(door, token)}"]
    named = named_database(database_url, settings)
    if named is None:
        _serve_with_own_database(settings, door, lines)
    else:
        _serve_on(named.url, settings, door, [*lines, f"Database      {named.shown}"])


def _serve_on(url: str, settings: Settings, door: Door, lines: list[str]) -> None:
    """Serve from this process, on a database that is somebody else's."""
    from weather_pipeline.marquez.embedded.server import keep_log, serve, service_of

    service = service_of(settings, database_url=url, host=door.host, port=door.port, insecure=door.insecure)
    said = "\n".join([*lines, "Ctrl-C stops it."])
    keep_log()
    with naming_owner(door.port):
        serve(service, ready=lambda: click.echo(said))


def _serve_with_own_database(settings: Settings, door: Door, lines: list[str]) -> None:
    """Serve as a stack of two parts: so `weather status` and `weather down` know it, and what dies is started again."""
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.stack.leftovers import STOPPED_LEFTOVERS, lock_and_stop_leftovers
    from weather_pipeline.stack.plan import POSTGRES, LineageTarget, StackOptions, address
    from weather_pipeline.stack.supervisor import Stack

    _check_no_stack(settings)
    progress = Progress()
    target = LineageTarget(address(door), embedded=True, reason="the embedded lineage service")
    own = [f"Database      a PostgreSQL of its own in {settings.home / POSTGRES}", f"State, logs   {settings.home}"]
    with stop_signals():
        # What a killed supervisor left is ours, and may have the port still.
        if lock_and_stop_leftovers(settings.home):
            progress.note(STOPPED_LEFTOVERS)
        _check_port(door)
        stay(Stack(StackOptions(settings, target, alone=door), progress), progress, [*lines, *own])


def _check_no_stack(settings: Settings) -> None:
    from weather_pipeline.stack.state import read_state

    state = read_state(settings.home)
    if state is None or state.supervisor.process() is None:
        return
    raise StackError(
        f"A stack of {settings.home} runs already (process {state.supervisor.pid}), and its lineage is at "
        f"{state.lineage}: use that, or stop it with `{weather_command(settings, 'down')}`. A second service needs a "
        "database of its own (WEATHER_LINEAGE_DATABASE_URL) or another state directory (--home DIR)."
    )


def _check_port(door: Door) -> None:
    from weather_pipeline.marquez.embedded.server import SERVER
    from weather_pipeline.marquez.listening import bound

    with naming_owner(door.port):
        for each in bound(door.host, door.port, server=SERVER):
            each.close()


def _where(door: Door) -> str:
    from weather_pipeline.stack.plan import address

    own = address(door)
    return for_people(own) if door.host in own else f"{for_people(own)}, and this machine's other addresses"


def _access(door: Door, token: str | None) -> str:
    from weather_pipeline.urls import is_loopback_host

    if token is not None:
        return "with the token: Authorization: Bearer …"
    return "this machine's users" if is_loopback_host(door.host) else "everybody who reaches it (--insecure)"
