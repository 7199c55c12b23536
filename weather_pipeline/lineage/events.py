"""The state of a run → OpenLineage events. Pure: no clock, no network, no Dagster.

Exactly one START and one terminal event for each run id. Every COMPLETE carries all inputs and outputs, because a
backend takes a job's edges from its newest version; START and FAIL carry those that the graph knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.serde import Serde

from weather_pipeline.lineage import facets, naming
from weather_pipeline.lineage.catalog import Catalog
from weather_pipeline.lineage.identity import CHECKS, run_id_for
from weather_pipeline.lineage.model import (
    AssetInfo,
    AssetPath,
    AssetRun,
    CheckResult,
    CheckRun,
    DatasetRef,
    Metadata,
)
from weather_pipeline.lineage.model import RunState as State
from weather_pipeline.lineage.options import Options

_DAGSTER_VERSION = facets.installed_version("dagster")
_TERMINAL = {State.COMPLETE: RunState.COMPLETE, State.FAIL: RunState.FAIL, State.ABORT: RunState.ABORT}


@dataclass(frozen=True)
class Message:
    """One event, ready to be sent."""

    run_id: str
    """The OpenLineage run id."""
    part: str
    """Which of the run's events: `start`, `end`, or `inferred`, an end that a real one may still follow."""
    event: RunEvent

    @property
    def key(self) -> str:
        """What has been sent is remembered by this: the run id and which of its events."""
        return f"{self.run_id}:{self.part}"

    def body(self) -> dict[str, Any]:
        """The event as JSON values, without anything empty that OpenLineage does not need."""
        return _pruned(Serde.to_dict(self.event))


class EventBuilder:
    """Builds events from asset runs, definitions and options.

    Args:
        catalog: What the definitions say.
        options: What the user chose.
    """

    def __init__(self, catalog: Catalog, options: Options) -> None:
        self._catalog = catalog
        self._options = options

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
        job = self._job(run.path, info)
        # START says what was known at the start, so that it is the same whenever it is sent.
        known = replace(run, materializations=(), checks=(), attempts=1, inferred=False)
        yield self._asset_event(RunState.START, run.started_at, known, info, job)
        if run.ended_at is not None:
            yield self._asset_event(_TERMINAL[run.state], run.ended_at, run, info, job)

    def _asset_event(self, state: RunState, at: datetime, run: AssetRun, info: AssetInfo | None, job: Job) -> Message:
        failed = state in (RunState.FAIL, RunState.ABORT)
        failure = facets.present(errorMessage=facets.error_message(run.error if failed else None))
        run_id = run_id_for(run.run.run_id, run.run.created_at, run.path)
        return _message(
            "start" if state is RunState.START else "inferred" if run.inferred else "end",
            state,
            at,
            run=Run(run_id, self._run_facets(run) | failure),
            job=job,
            inputs=self._inputs(run, info),
            outputs=self._outputs(run, info),
        )

    def check_events(self, run: CheckRun) -> Iterator[Message]:
        """START and COMPLETE of the job of an asset's own checks, with the asset's dataset as input.

        Raises:
            InvalidName: The job or its dataset has a name that no backend should get.
        """
        info = self._catalog.get(run.path)
        run_id = run_id_for(run.run.run_id, run.run.created_at, run.path, part=CHECKS)
        # An asset `orders/checks` beside the checks of `orders` keeps its name.
        part = CHECKS if self._catalog.get((*run.path, CHECKS[1:])) is None else f".asset{CHECKS}"
        job = Job(
            namespace=self._options.namespace,
            name=naming.job_name(run.path, suffix=self._options.job_suffix, part=part),
            facets=facets.present(jobType=facets.job_type("CHECK"), ownership=info and facets.job_ownership(info)),
        )
        dataset = self._input(self._ref(run.path), info, checks=run.checks)
        run_facets = facets.present(
            dagster_run=facets.dagster_run(run.run, dagster_url=self._options.dagster_url),
            processing_engine=self._engine(),
            test=facets.test_run(run.checks),
        )
        for part, state, at in (("start", RunState.START, run.started_at), ("end", RunState.COMPLETE, run.ended_at)):
            yield _message(part, state, at, run=Run(run_id, run_facets), job=job, inputs=[dataset], outputs=[])

    def input_checks(self, run: AssetRun) -> dict[AssetPath, list[CheckResult]]:
        """The checks of the run's step that are assertions on an asset that it reads, by that asset.

        A check is one where its own asset is an input of the run, or where its metadata says so
        (`openlineage/asserts`, an asset key with `/`).
        """
        info = self._catalog.get(run.path)
        parents = info.parents if info else ()
        found: dict[AssetPath, list[CheckResult]] = {}
        for check in run.checks:
            target = tuple(str(check.metadata.get("openlineage/asserts", "")).split("/"))
            target = check.path if target == ("",) else target
            if target in parents and target != run.path:
                found.setdefault(target, []).append(check)
        return found

    def _job(self, path: AssetPath, info: AssetInfo | None) -> Job:
        known = info or AssetInfo(path)
        return Job(
            namespace=self._options.namespace,
            name=naming.job_name(path, suffix=self._options.job_suffix),
            facets=facets.present(
                jobType=facets.job_type("ASSET"),
                documentation=facets.job_documentation(known),
                ownership=facets.job_ownership(known),
                tags=facets.job_tags(known),
                sourceCodeLocation=facets.source_code_location(known),
            ),
        )

    def _run_facets(self, run: AssetRun) -> dict[str, Any]:
        return facets.present(
            nominalTime=facets.nominal_time(self._catalog.window(run.path, run.partitions)),
            processing_engine=self._engine(),
            dagster_run=facets.dagster_run(
                run.run,
                dagster_url=self._options.dagster_url,
                step=run.step,
                attempts=run.attempts,
                partitions=run.partitions,
                inferred=run.inferred,
            ),
        )

    def _inputs(self, run: AssetRun, info: AssetInfo | None) -> list[InputDataset]:
        read = _versions_read(run)
        asserted = self.input_checks(run)
        paths = dict.fromkeys([*(info.parents if info else ()), *read])
        inputs = [
            self._input(ref, self._catalog.get(path), checks=asserted.get(path, ()), version=read.get(path))
            for path in paths
            if (ref := self._ref_or_none(path))
        ]
        listed = [
            ref
            for metadata in (info.metadata if info else {}, facets.last_metadata(run))
            for ref in naming.refs_from(metadata, "openlineage/inputs")
        ]
        inputs += [InputDataset(ref.namespace, ref.name, facets=_source_only(ref)) for ref in listed]
        return _distinct(inputs)

    def _input(
        self,
        ref: DatasetRef,
        info: AssetInfo | None,
        *,
        checks: Sequence[CheckResult] = (),
        version: str | None = None,
    ) -> InputDataset:
        metadata = info.metadata if info else {}
        described = facets.present(dataSource=facets.data_source(ref, metadata), version=facets.version(version))
        if info and info.is_external:
            # Nobody else ever describes what Dagster does not materialize.
            described |= facets.present(
                schema=facets.schema(metadata),
                documentation=facets.dataset_documentation(info),
                ownership=facets.dataset_ownership(info),
            )
        quality = facets.present(dataQualityAssertions=facets.assertions(checks))
        return InputDataset(ref.namespace, ref.name, facets=described, inputFacets=quality)

    def _outputs(self, run: AssetRun, info: AssetInfo | None) -> list[OutputDataset]:
        metadata, last = info.metadata if info else {}, facets.last_metadata(run)
        if not run.materializations and not self._is_named(run.path, info):
            return []
        ref = self._ref(run.path, info, last)
        known = info or AssetInfo(run.path)
        described = facets.present(
            dataSource=facets.data_source(ref, last, metadata),
            schema=facets.schema(last, metadata),
            columnLineage=facets.column_lineage(self._ref_or_none, last, metadata),
            documentation=facets.dataset_documentation(known),
            ownership=facets.dataset_ownership(known),
            version=facets.version(_version_written(run)),
        )
        statistics = facets.output_statistics([done.metadata for done in run.materializations])
        outputs = [
            OutputDataset(
                ref.namespace, ref.name, facets=described, outputFacets=facets.present(outputStatistics=statistics)
            )
        ]
        listed = [ref for source in (metadata, last) for ref in naming.refs_from(source, "openlineage/outputs")]
        outputs += [OutputDataset(ref.namespace, ref.name, facets=_source_only(ref)) for ref in listed]
        return _distinct(outputs)

    def _is_named(self, path: AssetPath, info: AssetInfo | None) -> bool:
        """Whether it is known which dataset the asset is before it is materialized for the first time.

        Where only that materialization will say it, an earlier event must not name another that nobody ever writes.
        """
        return naming.names(info.metadata if info else {}, self._options.table_authority) or bool(
            self._catalog.last(path)
        )

    def _ref_or_none(self, path: AssetPath) -> DatasetRef | None:
        """The dataset of a neighbour; None where its name can't be sent, which is that asset's own trouble."""
        try:
            return self._ref(path)
        except naming.InvalidName:
            return None

    def _ref(self, path: AssetPath, info: AssetInfo | None = None, last: Metadata | None = None) -> DatasetRef:
        return naming.dataset_of(
            info or self._catalog.get(path),
            path,
            (lambda: last or {}, lambda: self._catalog.last(path)),
            authority=self._options.table_authority,
        )

    def _engine(self) -> Any:
        return facets.processing_engine(_DAGSTER_VERSION, facets.VERSION)


def _message(part: str, state: RunState, at: datetime, *, run: Run, **said: Any) -> Message:
    event = RunEvent(eventType=state, eventTime=facets.iso(at), run=run, producer=facets.PRODUCER, **said)
    return Message(run.runId, part, event)


def _versions_read(run: AssetRun) -> dict[AssetPath, str | None]:
    """The assets that the run really read, each with the version it read: Dagster records both in tags."""
    read: dict[AssetPath, str | None] = {}
    for done in run.materializations:
        for tag, value in done.tags.items():
            for prefix in ("dagster/input_data_version/", "dagster/input_event_pointer/"):
                if tag.startswith(prefix):
                    path = tuple(tag.removeprefix(prefix).split("/"))
                    known = read.setdefault(path, None)
                    read[path] = value if prefix.endswith("version/") else known
    return read


def _version_written(run: AssetRun) -> str | None:
    return run.materializations[-1].tags.get("dagster/data_version") if run.materializations else None


def _source_only(ref: DatasetRef) -> dict[str, Any]:
    return facets.present(dataSource=facets.data_source(ref))


def _distinct(datasets: list[Any]) -> list[Any]:
    """Each dataset once: the first mention is the one with facets."""
    return list({(dataset.namespace, dataset.name): dataset for dataset in reversed(datasets)}.values())[::-1]


_KEPT = ("inputs", "outputs", "inputFields")


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        pruned = {key: _pruned(inner) for key, inner in value.items()}
        return {key: inner for key, inner in pruned.items() if inner not in ({}, [], None) or key in _KEPT}
    return [_pruned(inner) for inner in value] if isinstance(value, list) else value
