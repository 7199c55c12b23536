"""What is known about a job and its datasets → descriptions, for events of runs and for lineage at design time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from weather_pipeline.lineage import naming
from weather_pipeline.lineage.catalog import Catalog
from weather_pipeline.lineage.facets import custom, datasets, inputs, jobs, quality, runs
from weather_pipeline.lineage.facets.base import Facets, LeftOut, Sourced, present
from weather_pipeline.lineage.facets.hook import FacetEntity, FacetKind
from weather_pipeline.lineage.identity import CHECKS
from weather_pipeline.lineage.messages import DatasetDescription, JobDescription, distinct
from weather_pipeline.lineage.model import (
    AssetInfo,
    AssetPath,
    AssetRun,
    CheckResult,
    DatasetRef,
    Metadata,
    Origin,
    Read,
    RunInfo,
    Source,
)
from weather_pipeline.lineage.names import Names, Sayings
from weather_pipeline.lineage.options import Options

_MANY = 10
"""Inputs of which it is looked up at once what was materialized last; of fewer it is asked one by one, as needed."""


class Describer:
    """Describes jobs and datasets by definitions, metadata and options.

    Args:
        catalog: What the definitions say.
        options: What the user chose.
    """

    def __init__(self, catalog: Catalog, options: Options) -> None:
        self._catalog = catalog
        self._options = options
        self._of_jobs: dict[AssetPath, Facets] = {}
        self._of_datasets: dict[AssetPath, Facets] = {}
        """What definitions alone decide: the same in every event, so built once."""
        self._sorted: tuple[tuple[CheckResult, ...], dict[AssetPath, list[CheckResult]]] | None = None
        """The checks of a step, by the asset that they are about."""

    def why_not(self, path: AssetPath) -> str | None:
        """Why nobody may know of an asset and its dataset; None where they may leave."""
        return self._options.policy.why_not_asset(path, self._catalog.get(path))

    def names(self, *, before: datetime | None = None, said: Sayings | None = None) -> Names:
        """Which datasets assets are, as of a time: without one, now."""
        return Names(self._catalog, self._options.table_authority, before=before, said=said)

    def asset_job(self, path: AssetPath, run: AssetRun | None = None, names: Names | None = None) -> JobDescription:
        """The job that materializes an asset.

        Args:
            path: The asset key's path.
            run: The run that is told; its last materialization may say more than the definition.
            names: Which datasets assets are; without, as of now.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        known = self._catalog.get(path) or AssetInfo(path)
        last = last_metadata(run) if run else {}
        sources = (Source(Origin.METADATA, last), Source(Origin.DEFINITION, known.metadata))
        if path not in self._of_jobs:
            self._of_jobs[path] = present(
                documentation=lambda: jobs.documentation(known),
                ownership=lambda: jobs.ownership(known),
                tags=lambda: jobs.tags(known),
                sourceCodeLocation=lambda: jobs.source_code_location(known),
            )
        facets = present(
            jobType=lambda: jobs.job_type("ASSET", *sources),
            sql=lambda: jobs.sql(self._ref_or_none(path, names), *sources),
        )
        facets |= self._of_jobs[path]
        name = naming.job_name(path, suffix=self._options.job_suffix)
        entity = FacetEntity(FacetKind.JOB, path, _real(run), known, last)
        return JobDescription(self._options.namespace, name, self._with_users(facets, entity, *sources))

    def run_facets(self, facets: Facets, run: RunInfo, asset: AssetRun | None = None) -> Facets:
        """A run's facets with what the Dagster run, metadata and the user add to them.

        Args:
            facets: What is known already.
            run: The Dagster run.
            asset: The asset's run, None where another kind of run is told.
        """
        path = asset.path if asset else None
        info = self._catalog.get(path) if path else None
        last = last_metadata(asset) if asset else {}
        sources = (Source(Origin.METADATA, last), Source(Origin.DEFINITION, info.metadata if info else {}))
        policy = self._options.policy
        added = present(
            tags=lambda: runs.tags(run),
            executionParameters=lambda: runs.execution_parameters(run, policy.run_config),
            environmentVariables=lambda: runs.environment_variables(self._options.environment),
            externalQuery=lambda: runs.external_query(*sources),
            # What a definition says is what a run costs each time.
            cost=lambda: runs.cost(*sources),
        )
        entity = FacetEntity(FacetKind.RUN, path, run, info, last)
        return self._with_users({**facets, **added}, entity, *sources)

    def checks_job(self, path: AssetPath, names: Names | None = None) -> JobDescription:
        """The job of an asset's own checks.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        info = self._catalog.get(path)
        name = naming.job_name(path, suffix=self._options.job_suffix, part=CHECKS)
        ref, _ = (names or self.names()).of(path)
        facets = present(
            jobType=jobs.job_type("CHECK"),
            ownership=lambda: jobs.ownership(info) if info else None,
            lineage=lambda: jobs.lineage(ref),
        )
        return JobDescription(self._options.namespace, name, facets)

    def dagster_job(self, run: RunInfo) -> JobDescription:
        """The job that a Dagster job is. Assets that were launched without a job of their own share the job `assets`.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        name = None if run.is_nameless else run.job_name
        return JobDescription(
            self._options.namespace,
            naming.dagster_job_name(name, suffix=self._options.job_suffix),
            present(jobType=jobs.job_type("JOB")),
        )

    def producing_runs(self, reads: Mapping[AssetPath, Read]) -> list[tuple[JobDescription, str]]:
        """The runs that produced what was read, each the run of an asset's job; none of what nobody may know of."""
        found: list[tuple[JobDescription, str]] = []
        for read in reads.values():
            run_ids = [run_id for each in read.producers if (run_id := inputs.producing_run(read, each))]
            try:
                name = naming.job_name(read.path, suffix=self._options.job_suffix)
            except naming.InvalidName:
                continue  # that asset's own trouble
            if not self.why_not(read.path):
                found += [(JobDescription(self._options.namespace, name, {}), run_id) for run_id in run_ids]
        return found

    def inputs(
        self, run: AssetRun, names: Names, reads: Mapping[AssetPath, Read] | None = None
    ) -> list[DatasetDescription]:
        """All that an asset's run reads: what the graph says, what the log says it really read, what metadata adds.

        Args:
            run: The asset's run.
            names: Which datasets assets are.
            reads: What it really read, once that is known.

        Raises:
            InvalidName: A dataset that metadata lists has a name that no backend should get.
        """
        info = self._catalog.get(run.path)
        asserted = self.input_checks(run, names)
        reads = reads or {}
        paths = dict.fromkeys([*(info.parents if info else ()), *reads])
        if len(paths) >= _MANY:
            self._catalog.read_ahead(list(paths))
        described = [
            self.input(path, names, checks=asserted.get(path, ()), read=reads.get(path), reader=run)
            for path in paths
            if names.or_none(path)
        ]
        return distinct([*described, *self._listed("openlineage/inputs", info, run)])

    def input(
        self,
        path: AssetPath,
        names: Names | None = None,
        *,
        checks: Sequence[CheckResult] = (),
        read: Read | None = None,
        reader: AssetRun | None = None,
    ) -> DatasetDescription:
        """An asset as an input.

        Args:
            path: The asset key's path.
            names: Which datasets assets are.
            checks: Checks that are assertions on it.
            read: What of it was read: version, partitions, producers.
            reader: The asset's run that reads it; its metadata may say how much and how good it was.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        ref, named_by = (names or self.names()).of(path)
        if reason := self.why_not(path):
            return DatasetDescription(ref, named_by, kept_in=reason)
        known = self._catalog.get(path) or AssetInfo(path)
        source = Source(Origin.DEFINITION, known.metadata)
        facets = present(
            dataSource=lambda: datasets.data_source(ref, source),
            version=lambda: datasets.version(read.version if read else None),
        )
        if known.is_external:
            # Nobody else ever describes what Dagster does not materialize.
            facets |= self._static(ref, known, source)
        said = Source(Origin.METADATA, last_metadata(reader) if reader else {})
        asset = "/".join(path)
        io_facets = present(
            dataQualityAssertions=lambda: quality.assertions(checks),
            dataQualityMetrics=lambda: quality.input_metrics(asset, said),
            inputStatistics=lambda: quality.input_statistics(asset, said),
            subset=lambda: inputs.subset(read.partitions if read else None),
            dagster_input=lambda: inputs.dagster_input(read),
        )
        entity = FacetEntity(FacetKind.INPUT, path, _real(reader), known, said.metadata, ref)
        return DatasetDescription(
            ref,
            named_by,
            self._with_users(facets, replace(entity, kind=FacetKind.DATASET, metadata={}), source)
            if known.is_external
            else facets,
            self._with_users(io_facets, entity, source),
        )

    def outputs(
        self, run: AssetRun, names: Names, *, is_written: bool = True, is_over: bool = True
    ) -> list[DatasetDescription]:
        """What an asset's run writes, as far as it is known already.

        Args:
            run: The asset's run.
            names: The datasets' names as of this run.
            is_written: Whether its materializations are; else they are what was seen of data that others wrote.
            is_over: The run has ended. One that wrote nothing keeps the output that its definition says: a backend
                takes the edges of a job from its last event.

        Raises:
            InvalidName: A name is one that no backend should get.
        """
        info, last = self._catalog.get(run.path), last_metadata(run)
        if not run.materializations and not is_over and not names.is_known(run.path):
            return []
        ref, named_by = names.of(run.path)
        known = info or AssetInfo(run.path)
        sources = (Source(Origin.METADATA, last), Source(Origin.DEFINITION, known.metadata))
        facets = self._static(ref, known, *sources) | present(
            columnLineage=lambda: datasets.column_lineage(lambda path: self._ref_or_none(path, names), *sources),
        )
        if run.materializations:
            # A run that wrote nothing, as one that has begun or failed, has no version and no figures to tell.
            facets |= present(
                version=lambda: datasets.version(_version_written(run), *sources),
                lifecycleStateChange=lambda: datasets.lifecycle_state_change(*sources) if is_written else None,
                dataQualityMetrics=lambda: quality.metrics(*sources),
            )
        io_facets = present(
            outputStatistics=lambda: quality.output_statistics([made.metadata for made in run.materializations]),
            subset=lambda: quality.subset_written(run.materializations),
        )
        entity = FacetEntity(FacetKind.DATASET, run.path, _real(run), known, last, ref)
        described = DatasetDescription(
            ref,
            named_by,
            self._with_users(facets, entity, *sources),
            self._with_users(io_facets, replace(entity, kind=FacetKind.OUTPUT), *sources),
        )
        return distinct([described, *self._listed("openlineage/outputs", info, run)])

    def _static(self, ref: DatasetRef, known: AssetInfo, *sources: Source) -> dict[str, Sourced | LeftOut]:
        """What a dataset is, whatever happens to it."""
        if known.path not in self._of_datasets:
            self._of_datasets[known.path] = present(
                documentation=lambda: datasets.documentation(known),
                ownership=lambda: datasets.ownership(known),
            )
        return {**self._of_datasets[known.path]} | present(
            dataSource=lambda: datasets.data_source(ref, *sources),
            schema=lambda: datasets.schema(*sources),
            tags=lambda: datasets.tags(known, *sources),
            datasetType=lambda: datasets.dataset_type(ref, known, *sources),
            storage=lambda: datasets.storage(ref, known, *sources),
            catalog=lambda: datasets.catalog(*sources),
            hierarchy=lambda: datasets.hierarchy(ref, *sources),
            symlinks=lambda: datasets.symlinks(ref, *sources),
        )

    def _with_users(self, facets: Facets, entity: FacetEntity, *sources: Source) -> Facets:
        """Ours, then those that metadata gives, then those of the hook: of the same key the last one stands."""
        given = {**custom.from_metadata(entity.kind, *sources)}
        given |= custom.from_hook(self._options.facets_hook, entity)
        # One that failed is told, and takes nothing away.
        users = {
            f"{key}:given" if isinstance(each, LeftOut) and key in facets else key: each for key, each in given.items()
        }
        return {**facets, **users}

    def _listed(self, key: str, info: AssetInfo | None, run: AssetRun) -> list[DatasetDescription]:
        """Further datasets that metadata lists."""
        metadata = (info.metadata if info else {}), last_metadata(run)
        sources = (Source(Origin.DEFINITION, metadata[0]), Source(Origin.METADATA, metadata[1]))
        return [
            DatasetDescription(
                ref,
                source.origin,
                present(
                    dataSource=datasets.data_source(ref),
                    datasetType=datasets.dataset_type(ref, AssetInfo(())),
                    hierarchy=datasets.hierarchy(ref),
                ),
                kept_in=self._kept_in.get(ref),
            )
            for source in sources
            for ref in naming.refs_from(source.metadata, key)
        ]

    @cached_property
    def _kept_in(self) -> Mapping[DatasetRef, str]:
        """The datasets of the assets that nobody may know of, with the reason."""
        today = self.names()
        hidden = ((path, reason) for path in self._catalog.paths() if (reason := self.why_not(path)))
        return {named[0]: reason for path, reason in hidden if (named := today.or_none(path))}

    def input_checks(self, run: AssetRun, names: Names) -> dict[AssetPath, list[CheckResult]]:
        """The checks of the run's step that are assertions on an input that its events name, by that asset.

        A check is one where its own asset is an input of the run, or where its metadata says so
        (`openlineage/asserts`, an asset key with `/`).
        """
        info = self._catalog.get(run.path)
        by_target = self._checks_by_target(run.checks)
        parents = [path for path in (info.parents if info else ()) if path in by_target and path != run.path]
        return {path: by_target[path] for path in parents if self._ref_or_none(path, names)}

    def _checks_by_target(self, checks: tuple[CheckResult, ...]) -> dict[AssetPath, list[CheckResult]]:
        """Checks by the asset that they are about; those of one step, which all its assets share, are sorted once."""
        if self._sorted is None or self._sorted[0] is not checks:
            found: dict[AssetPath, list[CheckResult]] = defaultdict(list)
            for check in checks:
                asserts = str(check.metadata.get("openlineage/asserts", ""))
                found[tuple(asserts.split("/")) if asserts else check.path].append(check)
            self._sorted = checks, dict(found)
        return self._sorted[1]

    def _ref_or_none(self, path: AssetPath, names: Names | None = None) -> DatasetRef | None:
        """The dataset of a neighbour, where somebody may know of it."""
        named = None if self.why_not(path) else (names or self.names()).or_none(path)
        return named[0] if named else None


def last_metadata(run: AssetRun) -> Metadata:
    """The metadata of a run's last materialization: what names and schema of the run are taken from."""
    return run.materializations[-1].metadata if run.materializations else {}


def _real(run: AssetRun | None) -> RunInfo | None:
    """The Dagster run; None where lineage is told before any (its id is empty then)."""
    return run.run if run and run.run.run_id else None


def _version_written(run: AssetRun) -> str | None:
    return run.materializations[-1].tags.get("dagster/data_version") if run.materializations else None
