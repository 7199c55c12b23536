"""What the lineage commands share: which project they work on, times, and how they show their progress."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from weather_pipeline.lineage.catalog import RepositoryCatalog
    from weather_pipeline.lineage.history import Span
    from weather_pipeline.lineage.projects import Project, Target

_OURS = "weather_pipeline.definitions"
_OPTIONS = (
    click.option("-m", "--module", metavar="MODULE", help="Module with the definitions, as Dagster's -m."),
    click.option("-f", "--python-file", metavar="FILE", help="Python file with the definitions, as Dagster's -f."),
    click.option("-a", "--attribute", metavar="NAME", help="Their name in the module or file."),
    click.option("-d", "--working-directory", metavar="DIR", help="Directory from which they are imported."),
    click.option("--location", metavar="NAME", help="The code location's name in the instance, where it is another."),
    click.option("--sensor", metavar="NAME", help="The OpenLineage sensor, where there are several."),
    click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        help="State directory of the running stack.  [default, without DAGSTER_HOME: WEATHER_HOME or .weather]",
    ),
)


@dataclass(frozen=True)
class Where:
    """The project that a command works on, as its options name it."""

    module: str | None
    python_file: str | None
    attribute: str | None
    working_directory: str | None
    location: str | None
    sensor: str | None
    home: Path | None

    @contextmanager
    def opened(self) -> Iterator[Project]:
        """The project; what goes wrong with it, or with its backend, is one message."""
        from weather_pipeline.lineage.explain import NotFound
        from weather_pipeline.lineage.marquez_api import BackendError
        from weather_pipeline.lineage.model import StorageUnavailable
        from weather_pipeline.lineage.projects import ProjectError, open_project

        try:
            with open_project(self._targets(), sensor=self.sensor, location=self.location) as project:
                yield project
        except (ProjectError, BackendError, NotFound) as error:
            raise click.ClickException(str(error)) from error
        except StorageUnavailable as error:
            raise click.ClickException(f"Dagster's storage can't be read: {error}") from error

    def _targets(self) -> list[Target]:
        from weather_pipeline.lineage.projects import Target, named_target, project_targets

        named = named_target(
            module=self.module,
            python_file=self.python_file,
            attribute=self.attribute,
            working_directory=self.working_directory,
        )
        targets = [named] if named else project_targets(Path.cwd())
        if not targets and self.home is not None:
            targets = [Target(_OURS)]
        is_ours = [target.module for target in targets] == [_OURS]
        if self.home is not None or (is_ours and "DAGSTER_HOME" not in os.environ):
            _take_over_stack(self.home)
        return targets


def project_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options that name a project; the command gets them as `where`."""

    @functools.wraps(command)
    def with_where(**given: Any) -> object:
        names = Where.__dataclass_fields__
        where = Where(**{name: given.pop(name) for name in names})
        return command(where=where, **given)

    for option in reversed(_OPTIONS):
        with_where = option(with_where)
    return with_where


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


def _take_over_stack(home: Path | None) -> None:
    """Work as the running stack's own Dagster does: with its instance, its settings and its lineage backend."""
    from weather_pipeline.cli.common import read_settings
    from weather_pipeline.stack.environment import dagster_environment

    os.environ.update(dagster_environment(read_settings(home).home))


def span_of(since: str, until: str | None) -> Span:
    """The span between two times as people write them; up to now where no end is given.

    Raises:
        UsageError: A time can't be read, or the span is empty.
    """
    from weather_pipeline.lineage.history import Span, parse_time

    now = datetime.now(UTC)
    try:
        return Span(parse_time(since, now), parse_time(until, now) if until else now)
    except ValueError as error:
        raise click.UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from error


def asset_path(key: str) -> tuple[str, ...]:
    """An asset key as users write it, `shop/orders`."""
    return tuple(part for part in key.strip("/").split("/") if part)


class Ticker:
    """Progress on stderr: one line that changes on a terminal, a line now and then elsewhere."""

    _EVERY_ON_TERMINAL, _EVERY_ELSEWHERE = 0.1, 10.0

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._every = self._EVERY_ON_TERMINAL if self._is_terminal else self._EVERY_ELSEWHERE
        self._said_at = time.monotonic()

    def say(self, text: str) -> None:
        """Show how far it is, unless it was said just now."""
        if time.monotonic() - self._said_at < self._every:
            return
        self._said_at = time.monotonic()
        click.echo(f"\r\x1b[2K{text}" if self._is_terminal else text, nl=not self._is_terminal, err=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._is_terminal:
            click.echo("\r\x1b[2K", nl=False, err=True)


def rows(pairs: list[tuple[str, object]]) -> str:
    """Names and values in two columns."""
    return "\n".join(f"{name:<15}{value}" for name, value in pairs)


def ago(at: datetime | float | None, now: datetime) -> str:
    """A moment for people, with how long ago it was."""
    if not at:
        return "never"
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {duration((now - moment).total_seconds())} ago"


def duration(seconds: float) -> str:
    """A duration for people."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def did_you_mean(catalog: RepositoryCatalog, asset: str) -> str:
    """A hint at the asset that is called most like it; empty where none is."""
    import difflib

    near = difflib.get_close_matches(asset, ["/".join(path) for path in catalog.paths()], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
