"""The state of a run → OpenLineage events. Pure: no clock, no network, no Dagster.

Exactly one START and one terminal event for each run id. Every COMPLETE carries all inputs and outputs, because a
backend takes a job's edges from its newest version; START and FAIL carry those that the graph knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from openlineage.client.event_v2 import RunState

from weather_pipeline.lineage import provenance
from weather_pipeline.lineage.catalog import RunCatalog
from weather_pipeline.lineage.describe import Describer
from weather_pipeline.lineage.facets import inputs, quality, runs
from weather_pipeline.lineage.facets.base import VERSION, Facets, LeftOut, Sourced, installed_version, iso, present
from weather_pipeline.lineage.fold import error_of
from weather_pipeline.lineage.identity import CHECKS, job_run_id, run_id_for
from weather_pipeline.lineage.messages import (
    START,
    JobDescription,
    Message,
    RunDescription,
    dataset_message,
    run_message,
)
from weather_pipeline.lineage.model import (
    AssetPath,
    AssetRun,
    CheckResult,
    CheckRun,
    JobRun,
    Materialization,
    Observation,
    Read,
    Reported,
    RunInfo,
    StepError,
)
from weather_pipeline.lineage.model import RunState as State
from weather_pipeline.lineage.names import Names, sayings
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.runlog import RunLog
from weather_pipeline.lineage.scope import Scope, Share

_DAGSTER_VERSION = installed_version("dagster")
_TERMINAL = {State.COMPLETE: RunState.COMPLETE, State.FAIL: RunState.FAIL, State.ABORT: RunState.ABORT}


class EventBuilder:
    """Builds events from asset runs, definitions and options.

    Args:
        catalog: What the definitions say.
        options: What the user chose.
        scope: The repository whose runs are told, with what it knows of runs of none; None tells all.
    """

    def __init__(self, catalog: RunCatalog, options: Options, scope: Scope | None = None) -> None:
        self._catalog = catalog
        self._options = options
        self._scope = scope
        self._describe = Describer(catalog, options)

    def asset_events(self, run: AssetRun) -> Iterator[Message]:
        """START and, once the run has ended, its terminal event.

        Raises:
            InvalidName: The job or one of its datasets has a name that no backend should get.
        """
        if self.why_not(run):
            return
        # START says what was known at the start, so that it is the same whenever it is sent.
        known = replace(run, materializations=(), checks=(), partitions=run.planned, attempts=1, inferred=False)
        yield self._asset_event(RunState.START, run.started_at, known)
        if run.ended_at is not None:
            yield self._asset_event(_TERMINAL[run.state], run.ended_at, run)

    def why_not(self, run: AssetRun) -> str | None:
        """Why an asset's run sends nothing; None where it does."""
        if reason := self._kept_in(run.path, run.run):
            return f"The policy keeps it in: {reason}."
        info = self._catalog.get(run.path)
        if info and info.is_external and not run.materializations:
            return "It is observed, not materialized: its observations are events about its dataset."
        if run.announced and info is not None and info.output_required:
            return None
        if run.ended_at is None:
            return "Its output may still turn out to be skipped: it is told at its end."
        if run.state is State.ABORT and run.error is None and not run.inferred:
            return "Its output was skipped."
        return None

    def job_events(self, run: JobRun) -> Iterator[Message]:
        """START and, once the run has ended, the terminal event of the Dagster run as a run of its Dagster job.

        It has no datasets: those are its assets' runs', and a backend would draw every edge twice.

        Raises:
            InvalidName: The job has a name that no backend should get.
        """
        if self._options.policy.why_not_run(run.run):
            return
        job = self._describe.dagster_job(run.run)
        yield self._job_event(RunState.START, run.started_at, replace(run, inferred=False), job)
        if run.ended_at is not None:
            yield self._job_event(_TERMINAL[run.state], run.ended_at, run, job)

    def check_events(self, run: CheckRun) -> Iterator[Message]:
        """START and the terminal event of the job of an asset's own checks, with the asset's dataset as input.

        Raises:
            InvalidName: The job or its dataset has a name that no backend should get.
        """
        if self._kept_in(run.path, run.run):
            return
        # Several may be reported at the same time without a run.
        which = "" if run.run.run_id else "".join(f":{check.name}:{iso(check.at)}" for check in run.checks)
        run_id = run_id_for(run.run.run_id, run.run.created_at, run.path, part=CHECKS + which)
        tests = present(test=lambda: quality.test_run(run.checks) if run.checks else None)
        facets = {**self._run_facets(run.run), **self._parent(run.run), **tests}
        names = self._describe.names(before=run.ended_at)
        end = _TERMINAL[run.state], run.ended_at, {**facets, **_failure(run.state, run.error)}
        for part, (state, at, said) in ((START, (RunState.START, run.started_at, facets)), ("end", end)):
            yield run_message(
                part,
                state,
                at,
                run=RunDescription(run_id, self._describe.run_facets(said, run.run)),
                job=self._describe.checks_job(run.path, names),
                inputs=[self._describe.input(run.path, names, checks=run.checks)],
                policy=self._options.policy,
            )

    def dataset_events(self, noticed: Materialization | Observation, run: RunInfo | None = None) -> Iterator[Message]:
        """The event about the dataset that an asset is, as something was learnt about it that no run of its job wrote.

        Args:
            noticed: What was learnt.
            run: The Dagster run that logged it; None where it was reported without any.

        Raises:
            InvalidName: The dataset has a name that no backend should get.
        """
        kind = "observed" if isinstance(noticed, Observation) else "reported"
        made = Materialization(
            noticed.path, noticed.at, None, noticed.partition, metadata=noticed.metadata, tags=noticed.tags
        )
        seen = AssetRun(run or _no_run(noticed.at), noticed.path, noticed.at, State.COMPLETE, noticed.at, (made,))
        if self.why_not(seen):
            return
        names = self._names(seen, {})
        ref, _ = names.of(noticed.path)
        part = f"{kind}:{iso(noticed.at)}" + (f":{noticed.partition}" if noticed.partition else "")
        yield from (
            dataset_message(part, noticed.at, each, policy=self._options.policy)
            for each in self._describe.outputs(seen, names, is_written=isinstance(noticed, Materialization))
            if each.ref == ref
        )

    def report_events(self, reported: Reported) -> Iterator[Message]:
        """What was reported without any run: an event about the dataset, or a run of the asset's checks.

        Raises:
            InvalidName: The dataset or the job has a name that no backend should get.
        """
        if isinstance(reported, CheckResult):
            at = reported.at
            return self.check_events(CheckRun(_no_run(at), reported.path, at, at, (reported,)))
        return self.dataset_events(reported)

    def tells(self, run: RunInfo) -> bool:
        """Whether something of a Dagster run may be told here."""
        return self._scope is None or self._scope.has(run)

    def tells_report_on(self, path: AssetPath) -> bool:
        """Whether what is reported about an asset without a run is told here: where the asset is defined."""
        return self._scope is None or self._catalog.get(path) is not None

    def share_of(self, log: RunLog, run: RunInfo) -> Share:
        """What of a Dagster run is told here."""
        return Share(log, run, self._catalog, self._scope is None or run.location is not None)

    def left_to_others(self, log: RunLog, run: RunInfo) -> list[AssetPath]:
        """The planned assets of a run that are not told here, since they are not defined here."""
        share = self.share_of(log, run)
        return [path for path in log.plans if not share.asset(path)]

    def asserted(self, run: AssetRun) -> list[tuple[AssetPath, str]]:
        """The checks, as (asset, check), that a run's last event tells as assertions on its inputs."""
        if not run.checks or run.ended_at is None or self.why_not(run):
            return []
        names = self._names(run, provenance.reads(run, self._catalog))
        return [(c.path, c.name) for found in self._describe.input_checks(run, names).values() for c in found]

    def _asset_event(self, state: RunState, at: datetime, run: AssetRun) -> Message:
        reads = self._nameable(provenance.reads(run, self._catalog))
        names = self._names(run, reads)
        facets = {
            **self._run_facets(
                run.run, step=run.step, attempts=run.attempts, partitions=run.partitions, inferred=run.inferred
            ),
            **self._parent(run.run),
            **present(
                nominalTime=lambda: runs.nominal_time(self._catalog.window(run.path, run.partitions), run.run),
                jobDependencies=lambda: inputs.job_dependencies(self._describe.producing_runs(reads)),
            ),
            **(_failure(run.state, run.error) if state is not RunState.START else {}),
        }
        return run_message(
            _part(state, run.inferred),
            state,
            at,
            run=RunDescription(
                run_id_for(run.run.run_id, run.run.created_at, run.path),
                self._describe.run_facets(facets, run.run, run),
            ),
            job=self._describe.asset_job(run.path, run, names),
            inputs=self._describe.inputs(run, names, reads),
            outputs=self._describe.outputs(run, names, is_over=state is not RunState.START),
            policy=self._options.policy,
        )

    def _job_event(self, state: RunState, at: datetime, run: JobRun, job: JobDescription) -> Message:
        failure = self._job_failure(run) if state is not RunState.START else {}
        facets = {**self._run_facets(run.run, inferred=run.inferred), **failure}
        scheduled = present(nominalTime=lambda: runs.nominal_time(None, run.run))
        run_id = job_run_id(run.run.run_id, run.run.created_at)
        return run_message(
            _part(state, run.inferred),
            state,
            at,
            run=RunDescription(run_id, self._describe.run_facets({**facets, **scheduled}, run.run)),
            job=job,
            policy=self._options.policy,
        )

    def _job_failure(self, run: JobRun) -> Facets:
        """What made a Dagster run fail, without the words of steps of which the policy keeps everything in."""
        kept_in = [step for step in run.failed if step.assets and all(map(self._describe.why_not, step.assets))]
        told = _failure(run.state, error_of(run, kept_in))
        reason = f"the policy keeps in what these steps work on: {', '.join(step.key for step in kept_in)}"
        return {**told, "errorMessage:withheld": LeftOut(reason)} if kept_in else told

    def _names(self, run: AssetRun, reads: Mapping[AssetPath, Read]) -> Names:
        """Which datasets assets are for a run."""
        return self._describe.names(before=run.started_at, said=sayings(run, reads, self._catalog))

    def _nameable(self, reads: Mapping[AssetPath, Read]) -> dict[AssetPath, Read]:
        """What was read, without producing runs that the policy keeps in."""
        why_not = self._options.policy.why_not_run
        return {
            path: replace(read, producers=tuple(p for p in read.producers if p.run is None or not why_not(p.run)))
            for path, read in reads.items()
        }

    def _kept_in(self, path: AssetPath, run: RunInfo) -> str | None:
        """Why the policy keeps an asset's run in; None where it may leave."""
        return self._describe.why_not(path) or self._options.policy.why_not_run(run)

    def _parent(self, run: RunInfo) -> Facets:
        """The Dagster run as the parent of its assets' runs, where the user wants that."""
        if self._options.parent_facet is None or not run.run_id:
            return {}
        job = self._describe.dagster_job(run)
        return present(parent=runs.parent(job_run_id(run.run_id, run.created_at), job.namespace, job.name))

    def _run_facets(self, run: RunInfo, **known: Any) -> Facets:
        url = self._options.dagster_url
        return present(
            dagster_run=lambda: runs.dagster_run(run, dagster_url=url, **known) if run.run_id else None,
            processing_engine=_engine,
        )


def _no_run(at: datetime) -> RunInfo:
    return RunInfo("", "", at)


def _failure(state: State, error: StepError | None) -> Facets:
    return present(errorMessage=runs.error_message(error if state in (State.FAIL, State.ABORT) else None))


def _part(state: RunState, inferred: bool) -> str:
    return START if state is RunState.START else "inferred" if inferred else "end"


def _engine() -> Sourced:
    return runs.processing_engine(_DAGSTER_VERSION, VERSION)
