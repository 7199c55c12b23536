"""`weather replay`: recorded observations behind Open-Meteo's protocol."""

from __future__ import annotations

import errno
import logging
import sys
from typing import TYPE_CHECKING

import click

from weather_pipeline.errors import ConfigurationError, PortTaken
from weather_pipeline.sources.misbehaviour import Kind, Misbehaviour

if TYPE_CHECKING:
    from weather_pipeline.sources.replay import ReplayServer


class _MisbehaviourType(click.ParamType):
    name = "KIND[:N]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Misbehaviour:
        try:
            return Misbehaviour.parse(value)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)


@click.command(
    epilog="""
    \b
    Examples:
      weather replay --port 8080
      weather replay --misbehave 429-minutely:1 --misbehave 503:2
      WEATHER_OPEN_METEO_URL=http://127.0.0.1:8080 WEATHER_SOURCE=open-meteo weather demo

    docs/sources.md says what each kind does.

    \b
    Exit codes: 0 stopped by Ctrl-C; 1 could not start, as where the port is taken; 2 wrong usage.
    """
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes any free one.")
@click.option(
    "--misbehave",
    "plan",
    multiple=True,
    type=_MisbehaviourType(),
    metavar="KIND[:N]",
    help="Answer the first N requests wrongly (all, without N); may be repeated. "
    f"Kinds: {', '.join(kind.value for kind in Kind)}.",
)
@click.option("--quiet", "-q", is_flag=True, help="Do not print the requests.")
def replay(*, port: int, plan: tuple[Misbehaviour, ...], quiet: bool) -> None:
    """Serve recorded observations as Open-Meteo would, until Ctrl-C.

    Prints each request with the status of its answer on stdout, without API keys.
    """
    server = _server(port, plan)
    if not quiet:
        _print_requests()
    click.echo(f"Recorded observations with Open-Meteo's protocol on {server.url} (Ctrl-C stops)", err=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _server(port: int, plan: tuple[Misbehaviour, ...]) -> ReplayServer:
    from weather_pipeline.sources.replay import ReplayServer
    from weather_pipeline.stack.ports import port_owner

    try:
        return ReplayServer(port, plan)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTaken(
            f"Port {port} is taken by {port_owner(port)}. Stop it, or choose another port: --port N, "
            "or --port 0 for any free one."
        ) from error


def _print_requests() -> None:
    """The server logs its requests; here they are what the user came to see."""
    requests = logging.getLogger("weather_pipeline.sources.replay")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    requests.addHandler(handler)
    requests.setLevel(logging.DEBUG)
    requests.propagate = False
