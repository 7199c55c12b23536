"""What the commands share: their options, the settings, what is decided before a start."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.settings import Settings
    from weather_pipeline.stack.plan import StackOptions
    from weather_pipeline.stack.supervisor import Stack

_Command = TypeVar("_Command", bound=Callable[..., object])


def home_option(command: _Command) -> _Command:
    """`--home`."""
    option = click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        help="State directory of the stack.  [default: WEATHER_HOME or .weather]",
    )
    return option(command)


def port_offset_option(command: _Command) -> _Command:
    """`--port-offset`."""
    option = click.option(
        "--port-offset",
        type=click.IntRange(0, 50000),
        metavar="N",
        help="Add N to every port.  [default: WEATHER_PORT_OFFSET or 0]",
    )
    return option(command)


def not_empty(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse an option that is given empty, as by a variable that is not set: its default is not what was meant.

    Raises:
        BadParameter: It is empty.
    """
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty. Give it a value, or leave it out.")
    return value


def read_settings(home: Path | None = None, port_offset: int | None = None) -> Settings:
    """The settings of the environment, with the command's options on top and an absolute state directory.

    Raises:
        ConfigurationError: A variable can't be used; names it and, unless it is secret, its value.
    """
    from weather_pipeline.settings import load_settings

    settings = load_settings()
    changes = {
        "home": (home or settings.home).absolute(),
        "port_offset": settings.port_offset if port_offset is None else port_offset,
    }
    return settings.model_copy(update=changes)


def warehouse_url(settings: Settings) -> str:
    """The warehouse that a command asks: WEATHER_DATABASE_URL, or the running stack's.

    Raises:
        StackError: None is set, and no stack runs.
    """
    from weather_pipeline.stack.environment import dagster_environment

    given = settings.database_url
    return given.get_secret_value() if given else dagster_environment(settings.home)["WEATHER_DATABASE_URL"]


def weather_command(settings: Settings, arguments: str) -> str:
    """A `weather` command for this state directory that can be copied into a shell in the current directory."""
    program = shlex.quote(_short(Path(sys.executable).with_name("weather")))
    home = "" if settings.home == Path(".weather").absolute() else f" --home {shlex.quote(_short(settings.home))}"
    return f"{program} {arguments}{home}"


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def stack_options(settings: Settings, progress: Progress) -> StackOptions:
    """Decide where weather comes from and where lineage goes, and say both."""
    from weather_pipeline.stack.lineage_target import lineage_target
    from weather_pipeline.stack.plan import StackOptions

    # OpenLineage's own variables are not ours: only whether they are there counts.
    target = lineage_target(settings, os.environ, directory=Path.cwd(), user=Path.home())
    if not target.embedded:
        where = target.url or "where that says"
        progress.note(f"Lineage goes to {where}, by {target.reason}; the embedded service is not started.")
    return StackOptions(settings=_with_source(settings, progress), lineage=target)


def new_stack(options: StackOptions, progress: Progress) -> Stack:
    """A stack whose warehouse has its tables before anything can run."""
    from weather_pipeline.stack.supervisor import Stack

    def prepare(warehouse_url: str) -> None:
        from weather_pipeline.store.migrate import migrate

        with progress.phase("migrate", "Bringing the warehouse's tables up to date"):
            migrate(warehouse_url)

    return Stack(options, progress, prepare=prepare)


def stop_stack(stack: Stack, progress: Progress) -> None:
    """Stop a stack, and say so where anything of it was started."""
    with progress.phase("stop", "Stopping the stack") if stack.started else nullcontext():
        stack.stop()


def stay(stack: Stack, progress: Progress, lines: Sequence[str], *, once: bool = False) -> None:
    """Start a stack, say where everything is, stay until a signal unless `once`, stop it; within `stop_signals`.

    Raises:
        KeyboardInterrupt: The signal came before all was up.
    """
    ready = False
    try:
        with progress.phase("start", "Starting the stack"):
            stack.start()
        ready = True
        click.echo("\n".join(lines))
        if not once:
            click.echo("Ctrl-C stops everything.")
            stack.wait()
    except KeyboardInterrupt:
        if not ready:
            raise
    finally:
        stop_stack(stack, progress)


def _with_source(settings: Settings, progress: Progress) -> Settings:
    from weather_pipeline.settings import SourceName
    from weather_pipeline.sources.choose import resolve

    if settings.source is not SourceName.AUTO:
        return settings
    with progress.phase("source", "Choosing the source of the weather"):
        source = resolve(settings)
    if source is SourceName.REPLAY:
        progress.note(
            f"{settings.effective_open_meteo_url} can't be reached: recorded observations are used instead. "
            "WEATHER_SOURCE=open-meteo insists on live data."
        )
    return settings.model_copy(update={"source": source})


def count_rows(url: str, first: datetime, last: datetime, progress: Progress) -> int | None:
    """Rows of `weather.observations` from the first to the last hour, both included.

    None where the warehouse can't be asked, which `progress` then says with the reason: what was done stays done, and
    is to be reported.
    """
    from weather_pipeline.errors import WeatherPipelineError
    from weather_pipeline.store.database import connected

    query = "SELECT count(*) FROM weather.observations WHERE observed_at BETWEEN %s AND %s"
    try:
        with connected(url) as connection:
            row = connection.execute(query, [first, last]).fetchone()
    except WeatherPipelineError as error:
        progress.note(f"The rows can't be counted: {error}")
        return None
    return int(row[0]) if row else 0


def count_text(rows: int | None) -> str:
    """A number of rows, for people."""
    return "an unknown number" if rows is None else f"{rows:,}"


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into `KeyboardInterrupt`; later ones are ignored: it is stopping.

    One that is ignored already stays so: `nohup weather up &` goes on when its terminal is closed.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001  (a handler's signature)
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    def ignore(number: int, frame: types.FrameType | None) -> None:
        """In place of SIG_IGN, which the parts would inherit: Dagster's code server stops its runs by SIGINT."""

    ignored = {number for number in numbers if signal.getsignal(number) is signal.SIG_IGN}
    before = {number: signal.signal(number, ignore if number in ignored else interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
