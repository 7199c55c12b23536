"""The state of a run → OpenLineage events. Pure: no clock, no network, no Dagster.

Exactly one START and one terminal event for each run id. Every COMPLETE carries all inputs and outputs, because a
backend takes a job's edges from its newest version; START and FAIL carry those that the graph knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from openlineage.client.event_v2 import RunState

from weather_pipeline.lineage.catalog import Catalog
from weather_pipeline.lineage.describe import Describer
from weather_pipeline.lineage.facets import runs
from weather_pipeline.lineage.facets.base import VERSION, Facets, Sourced, installed_version, present
from weather_pipeline.lineage.identity import CHECKS, run_id_for
from weather_pipeline.lineage.messages import JobDescription, Message, RunDescription, run_message
from weather_pipeline.lineage.model import AssetPath, AssetRun, CheckResult, CheckRun
from weather_pipeline.lineage.model import RunState as State
from weather_pipeline.lineage.options import Options

_DAGSTER_VERSION = installed_version("dagster")
_TERMINAL = {State.COMPLETE: RunState.COMPLETE, State.FAIL: RunState.FAIL, State.ABORT: RunState.ABORT}


class EventBuilder:
    """Builds events from asset runs, definitions and options.

    Args:
        catalog: What the definitions say.
        options: What the user chose.
    """

    def __init__(self, catalog: Catalog, options: Options) -> None:
        self._catalog = catalog
        self._options = options
        self._describe = Describer(catalog, options)

    def asset_events(self, run: AssetRun) -> Iterator[Message]:
        """START and, once the run has ended, its terminal event.

        Raises:
            InvalidName: The job or one of its datasets has a name that no backend should get.
        """
        info = self._catalog.get(run.path)
        announced = run.announced and (info is None or info.output_required)
        if run.ended_at is None and not announced:
            return
        skipped = run.state is State.ABORT and run.error is None and not run.inferred and not announced
        if skipped:
            return
        job = self._describe.asset_job(run.path)
        # START says what was known at the start, so that it is the same whenever it is sent.
        known = replace(run, materializations=(), checks=(), attempts=1, inferred=False)
        yield self._asset_event(RunState.START, run.started_at, known, job)
        if run.ended_at is not None:
            yield self._asset_event(_TERMINAL[run.state], run.ended_at, run, job)

    def check_events(self, run: CheckRun) -> Iterator[Message]:
        """START and COMPLETE of the job of an asset's own checks, with the asset's dataset as input.

        Raises:
            InvalidName: The job or its dataset has a name that no backend should get.
        """
        run_id = run_id_for(run.run.run_id, run.run.created_at, run.path, part=CHECKS)
        facets = present(
            dagster_run=runs.dagster_run(run.run, dagster_url=self._options.dagster_url),
            processing_engine=_engine(),
            test=runs.test_run(run.checks),
        )
        for part, state, at in (("start", RunState.START, run.started_at), ("end", RunState.COMPLETE, run.ended_at)):
            yield run_message(
                part,
                state,
                at,
                run=RunDescription(run_id, facets),
                job=self._describe.checks_job(run.path),
                inputs=[self._describe.input(run.path, checks=run.checks)],
            )

    def input_checks(self, run: AssetRun) -> dict[AssetPath, list[CheckResult]]:
        """The checks of the run's step that are assertions on an asset that it reads, by that asset."""
        return self._describe.input_checks(run)

    def _asset_event(self, state: RunState, at: datetime, run: AssetRun, job: JobDescription) -> Message:
        failed = state in (RunState.FAIL, RunState.ABORT)
        failure = present(errorMessage=runs.error_message(run.error if failed else None))
        run_id = run_id_for(run.run.run_id, run.run.created_at, run.path)
        return run_message(
            "start" if state is RunState.START else "inferred" if run.inferred else "end",
            state,
            at,
            run=RunDescription(run_id, {**self._run_facets(run), **failure}),
            job=job,
            inputs=self._describe.inputs(run),
            outputs=self._describe.outputs(run),
        )

    def _run_facets(self, run: AssetRun) -> Facets:
        return present(
            nominalTime=runs.nominal_time(self._catalog.window(run.path, run.partitions)),
            processing_engine=_engine(),
            dagster_run=runs.dagster_run(
                run.run,
                dagster_url=self._options.dagster_url,
                step=run.step,
                attempts=run.attempts,
                partitions=run.partitions,
                inferred=run.inferred,
            ),
        )


def _engine() -> Sourced:
    return runs.processing_engine(_DAGSTER_VERSION, VERSION)
