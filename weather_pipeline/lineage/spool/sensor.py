"""The Dagster sensor that delivers the spool."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from weather_pipeline.lineage.answers import Sink
    from weather_pipeline.lineage.spool.forward import Forwarder

_BUDGET = 10.0
"""Seconds that one evaluation may take; the daemon grants 60."""


class SparkLineageUnavailable(Exception):
    """The lineage backend takes no events now. None is lost."""


def build_spool_sensor(
    directory: Path,
    *,
    url: str | None = None,
    token: str | None = None,
    name: str = "spark_lineage_sensor",
    interval_seconds: int = 10,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
    sink: Sink | None = None,
) -> dg.SensorDefinition:
    """A sensor that sends what Spark sessions have left in a directory of this machine to an OpenLineage backend.

    Where to is decided as by `build_openlineage_sensor`.

    Args:
        directory: The spool (`WEATHER_SPARK_EVENTS`).
        url: Base URL of the backend.
        token: Bearer token for `url`.
        name: The sensor's name.
        interval_seconds: How often it looks.
        default_status: Whether the sensor is on by itself.
        sink: Where events go instead, for tests and for backends of your own.
    """

    def opened() -> Sink:
        from weather_pipeline.lineage.sinks import open_sink

        return sink or open_sink(url, token)

    evaluate = _Evaluator(directory, opened)

    def evaluated(_: dg.SensorEvaluationContext) -> dg.SkipReason:
        return evaluate()

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=evaluated,
        minimum_interval_seconds=interval_seconds,
        description="Sends the lineage that Spark jobs have left in files to the lineage backend.",
        default_status=default_status,
    )


class _Evaluator:
    def __init__(self, directory: Path, open_a_sink: Callable[[], Sink]) -> None:
        self._directory = directory
        self._open_sink = open_a_sink
        self._running = threading.Lock()
        self._sink: Sink | None = None
        self._forwarder: Forwarder | None = None

    def __call__(self) -> dg.SkipReason:
        if not self._running.acquire(blocking=False):
            return dg.SkipReason("The evaluation before this one is still running.")
        try:
            return self._evaluate()
        finally:
            self._running.release()

    def _evaluate(self) -> dg.SkipReason:
        # Here and above, as in `build_openlineage_sensor`: a run's process loads the definitions, and needs none of it.
        from weather_pipeline.lineage.sinks.others import DisabledSink
        from weather_pipeline.lineage.spool.forward import Forwarder

        if self._sink is None or self._forwarder is None:
            self._sink = self._open_sink()
            self._forwarder = Forwarder(self._directory, self._sink)
        if isinstance(self._sink, DisabledSink):
            return dg.SkipReason(f"Lineage is switched off by {self._sink.reason}: nothing is sent, nothing is lost.")
        report = self._forwarder.run(_BUDGET)
        if report.trouble:
            # Progress lies beside the events, not in a cursor: a tick that fails loses nothing.
            raise SparkLineageUnavailable(f"{report.trouble} ({report.summary()}; the rest waits in {self._directory})")
        return dg.SkipReason("; ".join([report.summary(), *report.problems]))
