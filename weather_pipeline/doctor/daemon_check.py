"""Dagster: its daemon, the code location, the lineage sensor, the schedule, and runs that don't move."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from weather_pipeline.doctor.finding import Finding, listed, ok, problem, skipped, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import StackError
from weather_pipeline.settings import SourceName
from weather_pipeline.sources.catalog import DATASETS
from weather_pipeline.stack.dagster_api import (
    IN_PROGRESS,
    LOCATION,
    Daemon,
    DagsterApi,
    DagsterApiError,
    DagsterUnavailable,
    Instigator,
)
from weather_pipeline.stack.environment import dagster_environment
from weather_pipeline.stack.plan import CODE_SERVER, DAEMON, WEBSERVER, log_file
from weather_pipeline.stack.ports import HOST
from weather_pipeline.stack.status import PartStatus

SENSOR = "openlineage_run_status_sensor"
"""Turns Dagster's event log into OpenLineage."""

HOURLY = "weather_hourly_schedule"
"""Keeps the platform's data fresh; all others are a choice of the user's."""

_TIMEOUT = 8.0
_HEARTBEAT_AGE = 120.0
"""Seconds. A daemon's threads send a heartbeat every 30; Dagster itself calls one healthy for half an hour."""

_TICK_AGE = 120.0
"""Seconds. The sensor looks every 5, and the daemon gives up an evaluation after 60."""

_RUN_AGE = 6 * 3600.0
"""Seconds without a change: the stack ends runs that take longer."""

_QUEUE_AGE = 600.0
"""Seconds in the queue: the stack starts a run within one, unless as many as may run do."""

_ERROR_LINES = 6


@dataclass(frozen=True)
class DagsterFacts:
    """What Dagster says of itself.

    Attributes:
        url: The Dagster UI.
        location_error: Why the code location can't be loaded, if so.
        daemons: The daemon's threads.
        sensors: Sensors of the location; empty where it can't be loaded.
        schedules: Its schedules.
        stuck: Runs in progress that nothing has touched for hours.
        queued: Runs that wait for longer than they should.
        processes: The running stack's own view of its processes.
        source_delay: How long after its end the source has an hour.
    """

    url: str
    location_error: str | None = None
    daemons: Sequence[Daemon] = ()
    sensors: Sequence[Instigator] = ()
    schedules: Sequence[Instigator] = ()
    stuck: Sequence[str] = ()
    queued: Sequence[str] = ()
    processes: Sequence[PartStatus] = ()
    source_delay: timedelta = timedelta()

    def is_down(self, part: str) -> PartStatus | None:
        """The stack's part of this name where it does not do its work."""
        return next((each for each in self.processes if each.name == part and each.state != "up"), None)


def look(surroundings: Surroundings) -> Outcome:
    """Look at Dagster."""
    settings = surroundings.settings
    if not surroundings.running and settings.dagster_url is None:
        return Outcome([skipped("daemon", "Dagster starts with the stack")])
    if surroundings.stack.lineage_alone and settings.dagster_url is None:
        return Outcome([skipped("daemon", "the lineage service runs alone, without Dagster")])
    url = settings.dagster_url or f"http://{HOST}:{3000 + surroundings.port_offset}"
    try:
        facts = ask(url, time.time(), surroundings.stack.parts)
    except (DagsterUnavailable, DagsterApiError) as error:
        return Outcome([_unreachable(error, url, surroundings)])
    logs = str(log_file(settings.home, DAEMON))
    facts = replace(facts, source_delay=DATASETS[_source(surroundings)].delay)
    return Outcome(judge(facts, time.time(), surroundings.command, log=logs))


def _source(surroundings: Surroundings) -> SourceName:
    """The running stack's source, whatever the settings say by now; else the settings'."""
    settings = surroundings.settings
    if not surroundings.running:
        return settings.source
    try:
        return SourceName(dagster_environment(settings.home).get("WEATHER_SOURCE", settings.source))
    except StackError:
        return settings.source


def ask(url: str, now: float, processes: Sequence[PartStatus] = ()) -> DagsterFacts:
    """Ask a Dagster.

    Raises:
        DagsterUnavailable: It can't be reached.
        DagsterApiError: It failed to answer.
    """
    api = DagsterApi(url, timeout=_TIMEOUT)
    error = api.location_error()
    return DagsterFacts(
        url=url,
        location_error=error,
        daemons=api.daemons(),
        sensors=() if error else api.sensors(),
        schedules=() if error else api.schedules(),
        stuck=[run.run_id for run in api.runs(IN_PROGRESS, updated_before=now - _RUN_AGE)],
        queued=[run.run_id for run in api.runs(("QUEUED",), updated_before=now - _QUEUE_AGE)],
        processes=processes,
    )


def judge(facts: DagsterFacts, now: float, command: Callable[[str], str], *, log: str) -> list[Finding]:
    """What to say of Dagster.

    Args:
        facts: What it says of itself.
        now: POSIX seconds.
        command: Makes a `weather` command.
        log: The daemon's log.
    """
    findings = [_judge_daemon(facts, now, command, log)]
    if facts.location_error is not None:
        findings.append(_judge_location(facts, facts.location_error))
    else:
        # A sensor can't evaluate where no daemon does: that is said once.
        daemon_lives = findings[0].status == "ok"
        findings.append(_judge_sensor(facts, now if daemon_lives else None))
        findings += _judge_schedules(facts)
    findings += _judge_runs(facts)
    return findings


def _judge_daemon(facts: DagsterFacts, now: float, command: Callable[[str], str], log: str) -> Finding:
    restart = {"remedy": f"Its log says why: {log}. Then start the stack again:", "command": command("down")}
    part = facts.is_down(DAEMON)
    if part is not None and part.state != "starting":
        found = f"Dagster's daemon (process {part.pid}) is {part.state}."
        cause = "It was suspended or killed, or the machine lacks memory. Schedules, sensors and queued runs wait."
        return problem("daemon", found, cause=cause, **restart)
    required = [daemon for daemon in facts.daemons if daemon.required]
    silent = [daemon for daemon in required if now - daemon.last_heartbeat > _HEARTBEAT_AGE]
    if not required or silent:
        names = listed([daemon.name.lower() for daemon in silent]) if silent else "any of its threads"
        found = f"Dagster's daemon has sent no heartbeat for {names} in the last {_HEARTBEAT_AGE:.0f} s."
        cause = "It does not run, or is stuck. Schedules, sensors and queued runs wait."
        return problem("daemon", found, cause=cause, **restart)
    newest = max(daemon.last_heartbeat for daemon in required)
    return ok("daemon", f"alive ({len(required)} threads, the last heartbeat {max(0, now - newest):.0f} s ago)")


def _judge_location(facts: DagsterFacts, error: str) -> Finding:
    lines = [line.rstrip() for line in error.strip().splitlines() if line.strip()]
    return problem(
        "location",
        f"Dagster can't load the code location {LOCATION}: {' | '.join(lines[:_ERROR_LINES])}",
        cause="The code has an error, or a module or a setting is missing.",
        remedy=f"Repair it, then reload on {facts.url}/locations. This shows the error in a terminal:",
        command="dg check defs",
    )


def _judge_sensor(facts: DagsterFacts, now: float | None) -> Finding:
    page = f"{facts.url}/locations/{LOCATION}/sensors/{SENSOR}"
    sensor = next((each for each in facts.sensors if each.name == SENSOR), None)
    if sensor is None:
        return warning(
            "sensor",
            f"The code location has no sensor {SENSOR}.",
            cause="Its definitions were put together without `lineage_definitions`.",
            remedy="Add the sensor: `build_openlineage_sensor` makes it. Until then no lineage is sent.",
        )
    if not sensor.running:
        found, cause = f"The sensor {SENSOR} is off: no lineage is sent.", "Somebody switched it off in the Dagster UI."
        return problem("sensor", found, cause=cause, remedy=f"Switch it on: {page}. It sends what it has missed.")
    tick = sensor.last_tick
    if tick is not None and tick.error is not None:
        return problem(
            "sensor",
            f"The sensor {SENSOR} fails: {' '.join(tick.error.split())}",
            cause="The lineage backend takes no events (see backend), or the sensor has an error.",
            remedy=f"Repair that; it retries by itself and loses nothing. Its ticks: {page}",
        )
    if now is not None and tick is not None and now - tick.at > _TICK_AGE:
        found = f"The sensor {SENSOR} has not looked for {now - tick.at:.0f} s."
        cause = "The daemon is overloaded, or the evaluation hangs."
        return warning("sensor", found, cause=cause, remedy=f"Look at its ticks: {page}")
    return ok("sensor", "lineage sensor on")


def _judge_schedules(facts: DagsterFacts) -> Iterator[Finding]:
    for schedule in facts.schedules:
        tick = schedule.last_tick
        page = f"{facts.url}/locations/{LOCATION}/schedules/{schedule.name}"
        if not schedule.running and schedule.name != HOURLY:
            yield ok("schedule", f"{schedule.name} off, as it is by itself")
        elif not schedule.running and facts.source_delay:
            yield ok(
                "schedule", f"{schedule.name} off: the source has an hour only {facts.source_delay.days} days later"
            )
        elif not schedule.running:
            yield warning(
                "schedule",
                f"The schedule {schedule.name} is off.",
                cause="Somebody switched it off in the Dagster UI, or WEATHER_SCHEDULE is not true for this Dagster.",
                remedy=f"Switch it on: {page}",
            )
        elif tick is not None and tick.error is not None:
            found = f"The schedule {schedule.name} fails: {' '.join(tick.error.split())}"
            yield problem("schedule", found, cause="Its code has an error.", remedy=f"Look at its ticks: {page}")
        else:
            yield ok("schedule", f"{schedule.name} on")


def _judge_runs(facts: DagsterFacts) -> Iterator[Finding]:
    if facts.stuck:
        yield warning(
            "runs",
            f"{_runs(facts.stuck)} in progress without a change for {_RUN_AGE / 3600:.0f} hours.",
            cause="Their processes died, or wait for something that does not come.",
            remedy=f"Look at them, and terminate them: {facts.url}/runs?q%5B0%5D=status%3ASTARTED",
        )
    if facts.queued:
        yield warning(
            "queue",
            f"{_runs(facts.queued)} in the queue for more than {_QUEUE_AGE / 60:.0f} minutes.",
            cause="As many runs as may run do, a pool's limit is reached, or the daemon does not start them.",
            remedy=f"Look at what runs: {facts.url}/runs?q%5B0%5D=status%3ASTARTED",
        )


def _runs(ids: Sequence[str]) -> str:
    shown = ", ".join(each[:8] for each in ids[:3]) + (", …" if len(ids) > 3 else "")  # noqa: PLR2004  (as many)
    return f"{len(ids)} {'run is' if len(ids) == 1 else 'runs are'} ({shown})"


def _unreachable(error: Exception, url: str, surroundings: Surroundings) -> Finding:
    down = [each for name in (CODE_SERVER, WEBSERVER) for each in surroundings.stack.parts if each.name == name]
    logs = next((each.log for each in down if each.state != "up"), str(log_file(surroundings.settings.home, WEBSERVER)))
    if surroundings.stack.state == "starting":
        return skipped("daemon", "the stack is still starting")
    answered = isinstance(error, DagsterApiError)
    return problem(
        "daemon",
        f"Dagster at {url} {'answers, but with an error' if answered else 'does not answer'}: {_short(error)}",
        cause="The webserver died or is starting again." if surroundings.running else "No Dagster runs there.",
        remedy=f"Its log says why: {logs}. What runs:"
        if surroundings.running
        else "Start it, or correct WEATHER_DAGSTER_URL.",
        command=surroundings.command("status") if surroundings.running else "",
    )


def _short(error: Exception) -> str:
    text = " ".join(str(error.__cause__ or error).split())
    return text if len(text) < 300 else f"{text[:300]} …"  # noqa: PLR2004  (some lines of a terminal)


CHECK = Check("daemon", look)
