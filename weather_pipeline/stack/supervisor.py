"""The supervisor: starts the parts in order, watches them, stops them in reverse, leaves no process behind.

A part that dies while the stack is up is reported with its last words and started again, while the others go on:
a run survives the death of the lineage service or of the daemon. One that keeps dying ends the stack, so that nobody
works with half of it without knowing.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from weather_pipeline.errors import StackError, WeatherPipelineError
from weather_pipeline.stack import process
from weather_pipeline.stack.dagster_api import DagsterApi
from weather_pipeline.stack.holdings import claim, open_postgres
from weather_pipeline.stack.leftovers import STOPPED_LEFTOVERS, stop_leftovers
from weather_pipeline.stack.logs import Logs
from weather_pipeline.stack.part import Part, PartDied, stop_order
from weather_pipeline.stack.plan import (
    POSTGRES,
    WEBSERVER,
    Chosen,
    StackOptions,
    build_parts,
    dagster_home,
    port_needs,
    workspace_file,
    workspace_text,
)
from weather_pipeline.stack.ports import HOST, check_ports, free_port, is_free
from weather_pipeline.stack.report import Report
from weather_pipeline.stack.runs import cancel_runs, end_stranded_runs
from weather_pipeline.stack.state import (
    STARTING,
    STOPPING,
    UP,
    PartState,
    StackState,
    keep_port,
    kept_port,
    remove_state,
    stack_lock,
    write_state,
)

_POSTGRES_PORT = 5432
_POLL = 0.05
_DEATHS_ALLOWED = 3
"""A part that dies so often within `_DEATHS_WITHIN` seconds is not started again."""
_DEATHS_WITHIN = 60.0
_REAP_TIMEOUT = 10.0


class Stack:
    """The embedded stack of one state directory; a context manager that starts and stops it.

    Args:
        options: What to start.
        report: Hears the progress.
        prepare: Called with the warehouse's URL once PostgreSQL runs and before anything uses it: applies migrations.
    """

    def __init__(
        self, options: StackOptions, report: Report, *, prepare: Callable[[str], object] | None = None
    ) -> None:
        self.options = options
        self.report = report
        self._prepare = prepare
        self._id = uuid.uuid4().hex
        self._resources = ExitStack()
        self._processes: dict[str, subprocess.Popen[Any]] = {}
        self._parts: tuple[Part, ...] = ()
        self._deaths: dict[str, list[float]] = {}
        self._restarted: dict[str, Part] = {}
        self._state: StackState | None = None
        self._logs = Logs()
        self.postgres = open_postgres(options.home)
        self.chosen: Chosen | None = None
        self._api = DagsterApi(f"http://{HOST}:{options.settings.dagster_port}")

    @property
    def warehouse_url(self) -> str:
        """The warehouse's URL, password included.

        Raises:
            StackError: The stack has not started.
        """
        if self.chosen is None:
            raise StackError("The stack has not started.")
        return self.chosen.warehouse_url

    @property
    def started(self) -> bool:
        """Whether anything was started that has to be stopped."""
        return self._state is not None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until all of it is ready.

        Raises:
            PortTaken: A port is in use.
            StackError: Another stack uses the directory, or a part did not become ready.
        """
        home = self.options.home
        self._resources.enter_context(stack_lock(home))
        claim(home)
        if stop_leftovers(home):
            self.report.note(STOPPED_LEFTOVERS)
        check_ports(port_needs(self.options), offset=self.options.settings.port_offset, home=home)
        state = self._first_state()
        self._save(state)
        self.postgres.port = _postgres_port(home, self.options.settings.port_offset)
        if self.postgres.port != (usual := _POSTGRES_PORT + self.options.settings.port_offset):
            self.report.note(
                f"PostgreSQL is on port {self.postgres.port}: {usual} is taken, or was at the first start."
            )
        self._start_postgres()
        chosen = self._choose(state.started)
        self.chosen = chosen
        if self._prepare is not None:
            self._prepare(chosen.warehouse_url)
        if self.options.alone is None:
            self._write_dagster_files(chosen.code_port)
        self._parts = build_parts(self.options, chosen)
        self._start_parts()
        self._save(replace(self._known, phase=UP))

    def check(self) -> None:
        """See that every part still runs; start one that died again, once the stack is up.

        Raises:
            PartDied: A part died while the stack starts, or again and again; carries its last words.
        """
        logs = {part.name: part.log_file for part in self._parts}
        for name, running in list(self._processes.items()):
            if running.poll() is not None:
                words = self._logs.last_words(logs.get(name, self.postgres.log_file))
                self._on_death(PartDied(name, running.returncode, words))
        for name, part in list(self._restarted.items()):
            if part.probe.ready():
                del self._restarted[name]
                self._mark_ready(name)
        for log in (self.postgres.log_file, *logs.values()):
            self._logs.keep_short(log)

    def wait(self) -> None:
        """Watch the parts until one keeps dying or a signal's handler raises.

        Raises:
            PartDied: A part died again and again.
        """
        while True:
            self.check()
            time.sleep(0.25)

    def stop(self) -> None:
        """Stop everything, whatever state it is in; a second call does nothing.

        Whatever goes wrong with one step is reported, and the next is taken: no process may stay behind because of a
        full disk or a state directory that somebody removed.
        """
        state, self._state = self._state, None
        if state is not None:
            self._try(write_state, self.options.home, replace(state, phase=STOPPING))
            self._try(self._cancel_runs)
            for group in stop_order(self._parts):
                self._try(self._stop_group, [part for part in group if part.name in self._processes])
            self._try(process.end, process.members(self._id), grace=5.0)
            self.report.stopping(POSTGRES)
            self._try(self.postgres.stop)
            # One that was interrupted between its start and our note of it.
            self._try(self.postgres.stop_leftover)
            self._try(remove_state, self.options.home)
        self._processes.clear()
        self._resources.close()

    def _try(self, step: Callable[..., object], *arguments: object, **options: object) -> None:
        try:
            step(*arguments, **options)
        except (OSError, subprocess.SubprocessError, psutil.Error, WeatherPipelineError) as error:
            self.report.note(f"While stopping: {error}")

    def _cancel_runs(self) -> None:
        if WEBSERVER in self._processes and cancel_runs(self._api):
            self.report.note("Cancelled the runs that were in progress.")

    def _first_state(self) -> StackState:
        supervisor = process.Identity.current()
        options = self.options
        return StackState(
            stack_id=self._id,
            supervisor=supervisor,
            phase=STARTING,
            started=time.time(),
            port_offset=options.settings.port_offset,
            source=options.settings.source.value,
            lineage=options.lineage.url or options.lineage.reason,
            lineage_alone=options.alone is not None,
        )

    def _save(self, state: StackState) -> None:
        self._state = state
        write_state(self.options.home, state)

    @property
    def _known(self) -> StackState:
        if self._state is None:
            raise StackError("The stack has not started.")
        return self._state

    def _record(
        self, name: str, running: subprocess.Popen[Any], *, port: int | None, log: Path, started: float
    ) -> None:
        self._processes[name] = running
        identity = process.Identity.of(running.pid)
        if identity is None:
            raise PartDied(name, running.wait(), self._logs.last_words(log))
        self._save(self._known.with_part(PartState(name, identity, port, str(log), started)))

    def _mark_ready(self, name: str) -> None:
        part = next(part for part in self._known.parts if part.name == name)
        now = time.time()
        self._save(self._known.with_part(replace(part, ready=now)))
        self.report.ready(name, now - part.started)

    def _start_postgres(self) -> None:
        server = self.postgres
        self.report.starting(POSTGRES)
        started = time.time()
        self._logs.begin(server.log_file)
        running = server.start()
        keep_port(self.options.home, POSTGRES, server.port)
        self._record(POSTGRES, running, port=server.port, log=server.log_file, started=started)
        for database in self.options.databases:
            server.ensure_database(database)
        self._mark_ready(POSTGRES)

    def _choose(self, started: float) -> Chosen:
        database, catalog = self.options.settings.database_url, self.options.settings.iceberg_uri
        return Chosen(
            code_port=free_port(),
            warehouse_url=database.get_secret_value() if database else self.postgres.url("weather"),
            dagster_url=self.postgres.url("dagster"),
            lineage_url=self.postgres.url("marquez"),
            iceberg_url=catalog.get_secret_value() if catalog else self.postgres.url("iceberg"),
            started=started,
        )

    def _write_dagster_files(self, code_port: int) -> None:
        home = self.options.home
        dagster_home(home).mkdir(exist_ok=True)
        shutil.copyfile(Path(__file__).with_name("dagster.yaml"), dagster_home(home) / "dagster.yaml")
        workspace_file(home).write_text(workspace_text(code_port))

    def _start_parts(self) -> None:
        waiting = list(self._parts)
        starting: dict[str, tuple[Part, float]] = {}
        ready: set[str] = set()
        while waiting or starting:
            for part in [part for part in waiting if part.after <= ready]:
                waiting.remove(part)
                self._launch(part)
                starting[part.name] = (part, time.monotonic())
            for name, (part, since) in list(starting.items()):
                if part.probe.ready():
                    del starting[name]
                    ready.add(name)
                    self._on_ready(name)
                elif time.monotonic() - since > part.start_timeout:
                    raise StackError(
                        f"{name} was not ready after {part.start_timeout:.0f} s. {self._logs.last_words(part.log_file)}"
                    )
            self.check()
            time.sleep(_POLL)

    def _launch(self, part: Part) -> None:
        self.report.starting(part.name)
        started = time.time()
        self._logs.begin(part.log_file)
        running = process.launch(
            part.name, part.command, environment=part.environment, log_file=part.log_file, stack_id=self._id
        )
        self._record(part.name, running, port=part.port, log=part.log_file, started=started)

    def _on_ready(self, name: str) -> None:
        self._mark_ready(name)
        if name == WEBSERVER:
            stranded = end_stranded_runs(self._api, self._known.started)
            if stranded:
                self.report.note(f"Marked {stranded} run(s) as cancelled that an earlier stack's end had cut off.")

    def _on_death(self, died: PartDied) -> None:
        """Report a part's death and start it again, unless the stack is still starting or it dies too often."""
        now = time.monotonic()
        deaths = [at for at in self._deaths.get(died.name, []) if now - at < _DEATHS_WITHIN]
        self._deaths[died.name] = [*deaths, now]
        if self._known.phase != UP or len(deaths) + 1 >= _DEATHS_ALLOWED:
            raise died
        self.report.note(f"{died.what} It is started again. {died.last_words}")
        if died.name == POSTGRES:
            self._restart_postgres()
            return
        part = next(part for part in self._parts if part.name == died.name)
        if part.end_leftovers:
            process.end(process.members(self._id, part.name), grace=part.stop_grace)
        self._launch(part)
        self._restarted[part.name] = part

    def _restart_postgres(self) -> None:
        try:
            self._start_postgres()
        except StackError as error:
            # A killed server's last processes may still hold its memory: the next look tries again.
            self.report.note(str(error))

    def _stop_group(self, parts: list[Part]) -> None:
        asked = []
        for part in parts:
            self.report.stopping(part.name)
            found = process.members(self._id, part.name)
            process.send(found, process.TERMINATE)
            asked.append((part, found))
        deadline = time.monotonic()
        for part, found in asked:
            process.finish(found, deadline=deadline + part.stop_grace)
            self._processes[part.name].wait(_REAP_TIMEOUT)


def _postgres_port(home: Path, offset: int) -> int:
    """The port of the last start where it is free, else PostgreSQL's own plus the offset, else any."""
    candidates = (kept_port(home, POSTGRES), _POSTGRES_PORT + offset)
    return next((port for port in candidates if port and is_free(port)), None) or free_port()
