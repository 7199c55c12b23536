"""The `weather` command. Commands are imported when they are asked for, and import what is slow when they run."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

import click

from weather_pipeline.cli.extras import extra_with
from weather_pipeline.errors import WeatherPipelineError

FAILED, INTERRUPTED = 1, 130

_COMMANDS = {
    "demo": "demo",
    "up": "up",
    "down": "up",
    "backfill": "backfill",
    "status": "status",
    "doctor": "doctor",
    "env": "env",
    "migrate": "migrate",
    "psql": "psql",
    "quality": "quality",
    "replay": "replay",
    "lineage": "lineage",
    "spark": "spark",
    "stream": "stream",
    "iceberg": "iceberg",
}
"""Command → the module of this package that has it, by the same name."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's signature)
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        return getattr(importlib.import_module(f"{__name__}.{module}"), cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    epilog="""
    \b
    Example:
      weather demo

    \b
    Exit codes: 0 done; 1 failed (the reason is on stderr; for `status`: not all parts are up; for `doctor`: there are
    problems); 2 wrong usage; 3 `status` only: not running; 130 interrupted before the work was done.
    """,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(package_name="weather-pipeline", prog_name="weather")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def weather(*, debug: bool) -> None:
    """Run a weather data platform whose every run arrives in Marquez as OpenLineage events."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; the console script `weather`."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    command = partial(weather.main, args=given, prog_name="weather", standalone_mode=False)
    sys.exit(exit_code(command, debug="--debug" in given))


def exit_code(command: Callable[[], object], *, debug: bool = False) -> int:
    """Run a command; print its error, if any, as one message on stderr.

    Args:
        command: Returns an exit code, or anything else for 0.
        debug: Let our own errors through, with their traceback.
    """
    try:
        code = command()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more when it flushes what is left at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except ModuleNotFoundError as error:
        extra = extra_with(error.name)
        if debug or extra is None:
            raise
        _say(
            f"Error: this command needs {error.name}, which is not installed here: install weather-pipeline with its "
            f"extra {extra!r}, as in pip install 'PATH-TO-CHECKOUT[{extra}]'."
        )
        return FAILED
    except (WeatherPipelineError, OSError) as error:
        if debug:
            raise
        _say(f"Error: {_words(error)}")
        return FAILED
    return code if isinstance(code, int) else 0


def _words(error: Exception) -> str:
    """An error in words for the user: the system's own says neither what to do nor where to look."""
    if isinstance(error, PermissionError) and error.filename is not None:
        return (
            f"{error.filename} can't be opened or written: {error.strerror}. Give this user the rights to it, or "
            "choose another state directory with --home DIR. `weather doctor` says more."
        )
    return str(error)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be closed
        click.echo(text, err=True)
