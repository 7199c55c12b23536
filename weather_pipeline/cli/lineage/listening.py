"""Where `weather lineage serve` and `weather lineage web` listen: their options, and who has a port that is taken."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from weather_pipeline.cli.common import not_empty
from weather_pipeline.errors import PortTaken

_Command = TypeVar("_Command", bound=Callable[..., object])


def door_options(*, port: int, insecure: str) -> Callable[[_Command], _Command]:
    """`--host`, `--port` and `--insecure`.

    Args:
        port: The port that is meant without one, before the offset.
        insecure: What `--insecure` does, for its help.
    """
    options = (
        click.option(
            "--host",
            metavar="HOST",
            default="127.0.0.1",
            show_default=True,
            callback=not_empty,
            help="Address of this machine to listen on, or a name of one.",
        ),
        click.option(
            "--port",
            type=click.IntRange(1, 65535),
            metavar="N",
            help=f"Port to listen on.  [default: {port}, and WEATHER_PORT_OFFSET more]",
        ),
        click.option("--insecure", is_flag=True, help=insecure),
    )

    def with_options(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


@contextmanager
def naming_owner(port: int) -> Iterator[None]:
    """Say who has a port that is taken.

    Raises:
        PortTaken: It is, or can't be had for another reason.
    """
    from weather_pipeline.stack.ports import port_owner

    try:
        yield
    except PortTaken as error:
        if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EADDRINUSE:
            raise
        owner = port_owner(port)
        raise PortTaken(
            f"Port {port} is taken by {owner}. {owner.remedy}, or choose another port: --port N."
        ) from error
