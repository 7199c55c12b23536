"""`weather up` and `weather down`: the embedded stack without a pipeline run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.common import (
    home_option,
    new_stack,
    port_offset_option,
    read_settings,
    stack_options,
    stop_signals,
    weather_command,
)
from weather_pipeline.errors import StackError

if TYPE_CHECKING:
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.settings import Settings
    from weather_pipeline.stack.plan import Modules


@click.command(
    epilog="""
    \b
    Examples:
      weather up                     start, and stay until Ctrl-C
      weather up --detach            start in the background; stop with: weather down
      weather up --port-offset 100   Dagster on 3100, lineage on 5100 and 5101

    \b
    Exit codes: 0 stopped by Ctrl-C or `weather down`; 1 could not start, or a part kept dying;
    130 interrupted while starting.
    """
)
@click.option("--detach", is_flag=True, help="Return when all is ready; the stack goes on in the background.")
@click.option("--once", is_flag=True, help="Start, check that all is ready, stop.")
@port_offset_option
@home_option
def up(*, detach: bool, once: bool, port_offset: int | None, home: Path | None) -> None:
    """Start PostgreSQL, the lineage service, its page and Dagster.

    A part that dies is reported with the end of its log and started again; one that keeps dying ends the stack.
    """
    from weather_pipeline.cli.progress import Progress

    if detach and once:
        raise click.UsageError("--detach and --once exclude each other.")
    settings = read_settings(home, port_offset)
    progress = Progress()
    if detach:
        detach_stack(settings, progress, [sys.executable, "-m", "weather_pipeline.cli", "up"])
    else:
        run_stack(settings, progress, once=once)


@click.command(
    epilog="""
    \b
    Example:
      weather down

    \b
    Exit codes: 0 nothing runs any more; 1 it could not be stopped.
    """
)
@home_option
def down(*, home: Path | None) -> None:
    """Stop the stack, and whatever a killed one left running."""
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.stack.status import stop_stack

    settings = read_settings(home)
    progress = Progress()
    with progress.phase("stop", f"Stopping the stack of {settings.home}"):
        stopped = stop_stack(settings.home)
    click.echo("Stopped." if stopped else "Nothing was running.")


def run_stack(settings: Settings, progress: Progress, *, once: bool, modules: Modules | None = None) -> None:
    """Start the stack, stay until a signal unless `once`, stop it.

    Args:
        settings: The settings.
        progress: Shows what happens.
        once: Stop when all is ready.
        modules: What the parts run, where not the product's own.
    """
    ready = False
    with stop_signals():
        options = stack_options(settings, progress)
        if modules is not None:
            options = replace(options, modules=modules)
        stack = new_stack(options, progress)
        try:
            with progress.phase("start", "Starting the stack"):
                stack.start()
            ready = True
            click.echo(addresses(settings, options.lineage.url))
            if not once:
                click.echo("Ctrl-C stops everything.")
                stack.wait()
        except KeyboardInterrupt:
            if not ready:
                raise
        finally:
            with progress.phase("stop", "Stopping the stack"):
                stack.stop()


def addresses(settings: Settings, lineage_url: str | None) -> str:
    """The lines that say where everything is."""
    lines = [f"Dagster       {settings.effective_dagster_url}"]
    if lineage_url is not None:
        lines.append(f"Lineage API   {lineage_url}")
        lines.append(f"Lineage page  http://localhost:{settings.lineage_web_port}")
    return "\n".join([*lines, f"State, logs   {settings.home}"])


def detach_stack(settings: Settings, progress: Progress, command: Sequence[str]) -> None:
    """Start a supervisor in the background and wait until all is ready.

    Args:
        settings: The settings.
        progress: Shows what happens.
        command: Starts a stack in the foreground; gets `--home` and `--port-offset`.

    Raises:
        StackError: The stack did not start; carries what the supervisor printed.
    """
    from weather_pipeline.stack.plan import log_file

    log = log_file(settings.home, "supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [*command, "--home", str(settings.home), "--port-offset", str(settings.port_offset)]
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    with progress.phase("start", "Starting the stack in the background"):
        lineage = _wait_until_up(settings.home, child, log, progress)
    child.returncode = 0  # it goes on without us, which Python would warn of
    click.echo(addresses(settings, lineage))
    click.echo(f"Stop it with: {weather_command(settings, 'down')}")


def _wait_until_up(home: Path, child: subprocess.Popen[bytes], log: Path, progress: Progress) -> str | None:
    from weather_pipeline.stack.state import UP, read_state

    seen: set[str] = set()
    while child.poll() is None:
        state = read_state(home)
        if state is not None and state.supervisor.pid == child.pid:
            for part in state.parts:
                if part.ready is not None and part.name not in seen:
                    seen.add(part.name)
                    progress.ready(part.name, part.ready - part.started)
            if state.phase == UP:
                return state.lineage if state.lineage.startswith("http") else None
        time.sleep(0.1)
    raise StackError(f"The stack did not start (code {child.returncode}):\n{log.read_text().strip()}")
