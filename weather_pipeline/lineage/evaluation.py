"""One evaluation of the sensor: a tick of the exporter, or several, and the line that Dagster shows.

The daemon begins a round of evaluations every 5 seconds, and leaves out the sensors whose last one still runs. Where it
evaluates each in a thread, an evaluation may take longer without delaying other sensors, and two things come of it:

* A backlog is worked off until shortly before a round: ending after a round has begun would idle until the next.
* Low latency: an evaluation that has nothing left looks again until shortly before the next round.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from weather_pipeline.lineage.answers import Sink
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.dagster_internals import (
    DagsterRunReaction,
    SerializableErrorInfo,
    location_of_sensor,
    sensor_records,
    sensor_settings,
)
from weather_pipeline.lineage.dispatch import Report
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.exporter import Exporter
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.progress import Progress
from weather_pipeline.lineage.publish import Publisher
from weather_pipeline.lineage.scope import NOWHERE, Scope
from weather_pipeline.lineage.sinks.others import DisabledSink

BUDGET = 5.0
"""Seconds that one look may take."""
LINGER = 3.8
"""Seconds for which an evaluation looks again: the daemon's next round comes 5 seconds after the last."""
DRAIN = 23.8
"""Seconds for which an evaluation works at a backlog: four rounds more, and far from the 60 that the daemon grants."""
DRAIN_IN_TURN = 12.0
"""The same where the daemon evaluates one sensor after another: the others wait for this one."""
_PAUSE = 0.4
"""Seconds between two looks."""
_NO_RUN = dg.DagsterRun(job_name="none")
"""Stands where Dagster asks for a run to show a failure by, and none is known: of it Dagster logs the id alone."""


@dataclass
class Evaluator:
    """Evaluates one sensor; one evaluation at a time in a process, since one that the daemon gave up still runs."""

    name: str
    options: Options
    open_sink: Callable[[], Sink]
    since: datetime | None = None
    monitor_all_code_locations: bool = False
    publish_definitions: bool = True
    low_latency: bool = False

    def __post_init__(self) -> None:
        self._running = threading.Lock()
        self._sink: Sink | None = None
        self._exporter: Exporter | None = None
        self._publisher = Publisher(self.options, self.name)

    def __call__(self, context: dg.SensorEvaluationContext) -> Iterator[dg.SkipReason | DagsterRunReaction]:
        """What Dagster calls."""
        if not self._running.acquire(blocking=False):
            yield dg.SkipReason("The evaluation before this one is still running.")
            return
        try:
            result = self._evaluate(context)
        finally:
            self._running.release()
        yield result

    def _evaluate(self, context: dg.SensorEvaluationContext) -> dg.SkipReason | DagsterRunReaction:
        begun_at = time.monotonic()
        if self._sink is None or self._exporter is None:
            self._sink = self.open_sink()
            self._exporter = Exporter(self._sink, self.options, budget=BUDGET, name=self.name)
        progress = Progress.load(context.cursor) or self._exporter.begin(context.instance, self.since)
        if isinstance(self._sink, DisabledSink):
            context.update_cursor(context.cursor or progress.dump())
            return dg.SkipReason(
                f"Lineage is switched off by {self._sink.reason}: nothing is sent. Nothing is lost: what happens "
                "meanwhile is sent when it is on again."
            )
        report = self._tick(self._exporter, context, progress)
        if self.publish_definitions and not report.trouble:
            self._publish(self._exporter, self._sink, context, progress)
        hint = None
        if self.low_latency or report.has_backlog:
            hint = why_not_linger(context.instance, self.name)
        self._go_on(self._exporter, context, progress, report, begun_at, has_thread=hint is None)
        context.update_cursor(progress.dump())
        return _result(report, hint if self.low_latency else None)

    def _tick(
        self,
        exporter: Exporter,
        context: dg.SensorEvaluationContext,
        progress: Progress,
        *,
        quick: bool = False,
        budget: float | None = None,
    ) -> Report:
        home = _scope_of(context)
        scope = None if self.monitor_all_code_locations else home
        builder = EventBuilder(RepositoryCatalog(context.repository_def, context.instance), self.options, scope)
        return exporter.tick(
            context.instance, builder, progress, context.log, home=home or NOWHERE, quick=quick, budget=budget
        )

    def _publish(self, exporter: Exporter, sink: Sink, context: dg.SensorEvaluationContext, progress: Progress) -> None:
        """Publish the definitions where they have changed."""
        self._publisher.tick(
            context.instance,
            context.repository_def,
            _scope_of(context) or NOWHERE,
            sink,
            context.log,
            proof=exporter.proof,
            told_since=datetime.fromtimestamp(progress.since, UTC),
        )

    def _go_on(
        self,
        exporter: Exporter,
        context: dg.SensorEvaluationContext,
        progress: Progress,
        report: Report,
        begun_at: float,
        *,
        has_thread: bool,
    ) -> None:
        """Work off a backlog, then look again, as long as the others can wait and the backend takes events.

        A backlog gets one long look: nothing is on its way while one ends and the next begins.
        """
        limit = DRAIN if has_thread else DRAIN_IN_TURN
        try:
            while report.trouble is None:
                took = time.monotonic() - begun_at
                if report.has_backlog and limit - took > exporter.budget / 2:
                    report.add(self._tick(exporter, context, progress, budget=limit - took))
                elif self.low_latency and has_thread and took + _PAUSE < LINGER:
                    time.sleep(_PAUSE)
                    report.add(self._tick(exporter, context, progress, quick=True))
                else:
                    return
        except Exception:
            # The looks before were accepted, and that must be remembered; the next evaluation will say it too.
            context.log.exception("A further look failed.")


def _scope_of(context: dg.SensorEvaluationContext) -> Scope | None:
    """The repository that the sensor stands in; None outside the daemon."""
    location, repository = location_of_sensor(context), context.repository_def
    return Scope(location, repository.name) if location is not None and repository is not None else None


def why_not_linger(instance: dg.DagsterInstance, sensor: str) -> str | None:
    """Why an evaluation that lingers would delay other sensors, and what to configure; None where it would not.

    Args:
        instance: The Dagster instance.
        sensor: The sensor's name; those of the same name in other code locations may linger at the same time.
    """
    settings = sensor_settings(instance)
    workers = settings.get("num_workers")
    lingering = max(1, sum(record.running for record in sensor_records(instance, sensor)))
    if settings.get("use_threads") and (workers is None or workers > lingering):
        return None
    return (
        "low_latency is not in effect, since it would delay other sensors: set `sensors: {use_threads: true, "
        f"num_workers: {max(4, lingering + 1)}}}` in dagster.yaml."
    )


def _result(report: Report, hint: str | None) -> dg.SkipReason | DagsterRunReaction:
    """A red tick that keeps its cursor where the backend took nothing, else a line that says what was done.

    Raising would drop the cursor, and with it what was accepted before the failure.
    """
    summary = report.summary() + (f". {hint}" if hint else "")
    if report.trouble:
        run = report.blamed or _NO_RUN
        message = f"The lineage backend takes no events for now ({summary}): {report.trouble}"
        error = SerializableErrorInfo(message=message, stack=[], cls_name="LineageBackendUnavailable")
        return DagsterRunReaction(run, error=error, run_status=run.status)
    return dg.SkipReason(summary)
