"""`weather up` and `weather down`: the embedded stack without a pipeline run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.addresses import address_lines
from weather_pipeline.cli.common import (
    home_option,
    new_stack,
    port_offset_option,
    read_settings,
    stack_options,
    stay,
    stop_signals,
    weather_command,
)
from weather_pipeline.errors import StackError

if TYPE_CHECKING:
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.settings import Settings
    from weather_pipeline.stack.plan import Modules

_STOP_TIMEOUT = 120.0


@click.command(
    epilog="""
    \b
    Examples:
      weather up                     start, and stay until Ctrl-C
      weather up --detach            start in the background; stop with: weather down
      weather up --port-offset 100   Dagster on 3100, lineage on 5100 and 5101
      weather up --kafka             and a Kafka for development on 9092
      WEATHER_SCHEDULE=false weather up   without the hourly run

    \b
    Exit codes: 0 stopped by Ctrl-C or `weather down`; 1 could not start, or a part kept dying;
    130 interrupted while starting.
    """
)
@click.option("--detach", is_flag=True, help="Return when all is ready; the stack goes on in the background.")
@click.option("--once", is_flag=True, help="Start, check that all is ready, stop.")
@click.option("--kafka", is_flag=True, help="Start a Kafka too, as `weather stream kafka` does.")
@port_offset_option
@home_option
def up(*, detach: bool, once: bool, kafka: bool, port_offset: int | None, home: Path | None) -> None:
    """Start PostgreSQL, the lineage service, its page and Dagster.

    A part that dies is reported with its last words and started again; one that keeps dying ends the stack.
    """
    from weather_pipeline.cli.progress import Progress

    if detach and once:
        raise click.UsageError("--detach and --once exclude each other.")
    settings = read_settings(home, port_offset)
    if kafka:
        check_kafka(settings)
    progress = Progress()
    if detach:
        command = [sys.executable, "-m", "weather_pipeline.cli", "up", *(("--kafka",) if kafka else ())]
        detach_stack(settings, progress, command)
    else:
        run_stack(settings, progress, once=once, kafka=kafka)


@click.command(
    epilog="""
    \b
    Examples:
      weather down
      weather down --delete-data           asks first, on a terminal
      weather down --delete-data --yes

    \b
    Exit codes: 0 nothing runs any more; 1 it could not be stopped, or --delete-data was refused: no stack was ever
    started in this directory; 130 not confirmed.
    """
)
@click.option(
    "--delete-data",
    is_flag=True,
    help="Then remove databases, lake, Iceberg tables, logs: all that the stack has written. Fetched jars are kept.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before data is removed.")
@home_option
def down(*, delete_data: bool, yes: bool, home: Path | None) -> None:
    """Stop the stack, and whatever a killed one left running."""
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.stack import status

    settings = read_settings(home)
    if delete_data and not yes and sys.stdin.isatty():
        _confirm_removal(settings.home)
    progress = Progress()
    with progress.phase("stop", f"Stopping the stack of {settings.home}"):
        stopped = status.stop_stack(settings.home)
    click.echo("Stopped." if stopped else "Nothing was running.")
    if delete_data:
        from weather_pipeline.stack.holdings import fetched_jars
        from weather_pipeline.stack.removal import remove_data

        with progress.phase("delete", f"Removing what it has written to {settings.home}"):
            removed = remove_data(settings.home)
        names = _shown(settings.home, removed)
        click.echo(f"Removed of {settings.home}: {names}." if removed else f"{settings.home} has no data of a stack.")
        if (jars := fetched_jars(settings.home)).is_dir():
            click.echo(f"The jars in {jars} are kept.")


def check_kafka(settings: Settings) -> None:
    """See that jobs would use the broker of this stack.

    Raises:
        ConfigurationError: They are told to use others.
    """
    from weather_pipeline.errors import ConfigurationError
    from weather_pipeline.settings import variables
    from weather_pipeline.stack.ports import HOST

    named, port = settings.kafka_servers, settings.kafka_port
    if named not in {None, f"localhost:{port}", f"{HOST}:{port}"}:
        raise ConfigurationError(
            f"--kafka would start a broker on port {port} that no job uses: they use {named}, as "
            f"{' or '.join(variables('kafka_servers'))} says. Unset that, or leave out --kafka."
        )


def _confirm_removal(home: Path) -> None:
    """Ask before anything is stopped.

    Raises:
        StackError: Nothing may be removed there.
        click.Abort: The user says no.
    """
    from weather_pipeline.stack.holdings import data_of_stack

    if going := data_of_stack(home):
        click.confirm(f"Remove all data of the stack in {home}: {_shown(home, going)}?", abort=True, err=True)


def _shown(home: Path, entries: Sequence[Path]) -> str:
    return ", ".join(entry.name if entry.parent == home else str(entry) for entry in entries)


def run_stack(
    settings: Settings, progress: Progress, *, once: bool, kafka: bool = False, modules: Modules | None = None
) -> None:
    """Start the stack, stay until a signal unless `once`, stop it.

    Args:
        settings: The settings.
        progress: Shows what happens.
        once: Stop when all is ready.
        kafka: Start a Kafka too.
        modules: What the parts run, where not the product's own.
    """
    with stop_signals():
        options = replace(stack_options(settings, progress), kafka=kafka)
        if kafka:
            from weather_pipeline.cli.jars import bring_kafka

            bring_kafka(options.home, progress)
        if modules is not None:
            options = replace(options, modules=modules)
        lines = address_lines(settings, options.lineage.url or options.lineage.reason)
        stay(new_stack(options, progress), progress, lines, once=once)


def detach_stack(settings: Settings, progress: Progress, command: Sequence[str]) -> None:
    """Start a supervisor in the background and wait until all is ready.

    Args:
        settings: The settings.
        progress: Shows what happens.
        command: Starts a stack in the foreground; gets `--home` and `--port-offset`.

    Raises:
        StackError: Another stack has the directory; or this one did not start: carries what its supervisor printed.
        KeyboardInterrupt: A signal came while it started; what was started is stopped.
    """
    from weather_pipeline.stack.holdings import claim
    from weather_pipeline.stack.logs import keep_short
    from weather_pipeline.stack.plan import log_file
    from weather_pipeline.stack.state import stack_lock

    with stack_lock(settings.home):  # refused here, a second start leaves no trace in the log of the first
        claim(settings.home)
    log = log_file(settings.home, "supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    keep_short(log)
    command = [*command, "--home", str(settings.home), "--port-offset", str(settings.port_offset)]
    with stop_signals():
        with log.open("ab") as output:
            output.write(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: weather up --detach\n".encode())
            output.flush()
            start = output.tell()
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        try:
            with progress.phase("start", "Starting the stack in the background"):
                lineage = _wait_until_up(settings.home, child, log, start, progress)
        except BaseException:
            _stop_start(child, settings, progress)
            raise
    child.returncode = 0  # it goes on without us, which Python would warn of
    click.echo("\n".join(address_lines(settings, lineage)))
    click.echo(f"Stop it with: {weather_command(settings, 'down')}")


def _wait_until_up(home: Path, child: subprocess.Popen[bytes], log: Path, start: int, progress: Progress) -> str:
    """Show the parts as they become ready; returns where lineage goes. `start` is where the child's log begins."""
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
                return state.lineage
        time.sleep(0.1)
    said = log.read_bytes()[start:].decode(errors="replace").strip()
    raise StackError(f"The stack did not start (code {child.returncode}):\n{said}")


def _stop_start(child: subprocess.Popen[bytes], settings: Settings, progress: Progress) -> None:
    """Stop a supervisor that is not to go on."""
    if child.poll() is not None:
        return
    with progress.phase("stop", "Stopping what was started in the background"):
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            hint = weather_command(settings, "down")
            raise StackError(f"The start (process {child.pid}) does not stop. Kill it, then run: {hint}") from None
