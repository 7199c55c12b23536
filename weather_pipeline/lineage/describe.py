"""What is known about a job and its datasets → descriptions, for events of runs and for lineage at design time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weather_pipeline.lineage import naming
from weather_pipeline.lineage.catalog import Catalog
from weather_pipeline.lineage.facets import datasets, inputs, jobs
from weather_pipeline.lineage.facets.base import present
from weather_pipeline.lineage.identity import CHECKS, JOB
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
    Source,
)
from weather_pipeline.lineage.options import Options

_NAMELESS = "assets"
"""Readable name of the jobs that Dagster makes up itself (`__ASSET_JOB`, `__ephemeral_asset_job__`, …)."""


class Describer:
    """Describes jobs and datasets by definitions, metadata and options.

    Args:
        catalog: What the definitions say.
        options: What the user chose.
    """

    def __init__(self, catalog: Catalog, options: Options) -> None:
        self._catalog = catalog
        self._options = options

    def asset_job(self, path: AssetPath) -> JobDescription:
        """The job that materializes an asset.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        known = self._catalog.get(path) or AssetInfo(path)
        facets = present(
            jobType=jobs.job_type("ASSET"),
            documentation=jobs.documentation(known),
            ownership=jobs.ownership(known),
            tags=jobs.tags(known),
            sourceCodeLocation=jobs.source_code_location(known),
        )
        name = naming.job_name(path, suffix=self._options.job_suffix)
        return JobDescription(self._options.namespace, name, facets)

    def checks_job(self, path: AssetPath) -> JobDescription:
        """The job of an asset's own checks.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        info = self._catalog.get(path)
        name = naming.job_name(path, suffix=self._options.job_suffix, part=CHECKS)
        facets = present(jobType=jobs.job_type("CHECK"), ownership=jobs.ownership(info) if info else None)
        return JobDescription(self._options.namespace, name, facets)

    def dagster_job(self, name: str) -> JobDescription:
        """The job that a Dagster job is. Assets that were launched without a job of their own share the job `assets`.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        readable = _NAMELESS if name.startswith("__") else name
        # An asset `nightly/job` beside the Dagster job `nightly` keeps its name.
        part = JOB if self._catalog.get((readable, JOB[1:])) is None else f".dagster{JOB}"
        return JobDescription(
            self._options.namespace,
            naming.job_name((readable,), suffix=self._options.job_suffix, part=part),
            present(jobType=jobs.job_type("JOB")),
        )

    def producing_runs(self, reads: Mapping[AssetPath, Read]) -> list[tuple[JobDescription, str]]:
        """The runs that produced what was read, each the run of an asset's job."""
        found: list[tuple[JobDescription, str]] = []
        for read in reads.values():
            run_ids = [run_id for each in read.producers if (run_id := inputs.producing_run(read, each))]
            try:
                found += [(self.asset_job(read.path), run_id) for run_id in run_ids]
            except naming.InvalidName:
                continue  # that asset's own trouble
        return found

    def inputs(self, run: AssetRun, reads: Mapping[AssetPath, Read] | None = None) -> list[DatasetDescription]:
        """All that an asset's run reads: what the graph says, what the log says it really read, what metadata adds.

        Args:
            run: The asset's run.
            reads: What it really read, once that is known.

        Raises:
            InvalidName: A dataset that metadata lists has a name that no backend should get.
        """
        info = self._catalog.get(run.path)
        asserted = self.input_checks(run)
        reads = reads or {}
        paths = dict.fromkeys([*(info.parents if info else ()), *reads])
        described = [
            self.input(path, named, checks=asserted.get(path, ()), read=reads.get(path))
            for path in paths
            if (named := self._named_or_none(path))
        ]
        return distinct([*described, *_listed("openlineage/inputs", info, run)])

    def input(
        self,
        path: AssetPath,
        named: tuple[DatasetRef, Origin] | None = None,
        *,
        checks: Sequence[CheckResult] = (),
        read: Read | None = None,
    ) -> DatasetDescription:
        """An asset as an input.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        ref, named_by = named or self.named(path)
        info = self._catalog.get(path)
        source = Source(Origin.DEFINITION, info.metadata if info else {})
        facets = present(
            dataSource=datasets.data_source(ref, source), version=datasets.version(read.version if read else None)
        )
        if info and info.is_external:
            # Nobody else ever describes what Dagster does not materialize.
            facets |= present(
                schema=datasets.schema(source),
                documentation=datasets.documentation(info),
                ownership=datasets.ownership(info),
            )
        as_input = present(
            dataQualityAssertions=datasets.assertions(checks),
            subset=inputs.subset(read.partitions if read else None),
            dagster_input=inputs.dagster_input(read),
        )
        return DatasetDescription(ref, named_by, facets, as_input)

    def outputs(self, run: AssetRun) -> list[DatasetDescription]:
        """What an asset's run writes, as far as it is known already.

        Raises:
            InvalidName: A name is one that no backend should get.
        """
        info, last = self._catalog.get(run.path), last_metadata(run)
        if not run.materializations and not self._is_named(run.path, info):
            return []
        ref, named_by = self.named(run.path, last)
        known = info or AssetInfo(run.path)
        sources = (Source(Origin.METADATA, last), Source(Origin.DEFINITION, known.metadata))
        facets = present(
            dataSource=datasets.data_source(ref, *sources),
            schema=datasets.schema(*sources),
            columnLineage=datasets.column_lineage(self._ref_or_none, *sources),
            documentation=datasets.documentation(known),
            ownership=datasets.ownership(known),
            version=datasets.version(_version_written(run)),
        )
        statistics = present(outputStatistics=datasets.output_statistics([m.metadata for m in run.materializations]))
        described = DatasetDescription(ref, named_by, facets, statistics)
        return distinct([described, *_listed("openlineage/outputs", info, run)])

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

    def named(self, path: AssetPath, last: Metadata | None = None) -> tuple[DatasetRef, Origin]:
        """Which dataset an asset is, and what says so.

        Args:
            path: The asset key's path.
            last: Metadata of the materialization at hand; it goes before what the log has as the last one.

        Raises:
            InvalidName: Its name is one that no backend should get.
        """
        return naming.dataset_of(
            self._catalog.get(path),
            path,
            (lambda: last or {}, lambda: self._catalog.last(path)),
            authority=self._options.table_authority,
        )

    def _named_or_none(self, path: AssetPath) -> tuple[DatasetRef, Origin] | None:
        """The dataset of a neighbour; None where its name can't be sent, which is that asset's own trouble."""
        try:
            return self.named(path)
        except naming.InvalidName:
            return None

    def _ref_or_none(self, path: AssetPath) -> DatasetRef | None:
        named = self._named_or_none(path)
        return named[0] if named else None

    def _is_named(self, path: AssetPath, info: AssetInfo | None) -> bool:
        """Whether it is known which dataset the asset is before it is materialized for the first time.

        Where only that materialization will say it, an earlier event must not name another that nobody ever writes.
        """
        metadata, kinds = (info.metadata, info.kinds) if info else ({}, ())
        return naming.names(metadata, self._options.table_authority, kinds) or bool(self._catalog.last(path))


def last_metadata(run: AssetRun) -> Metadata:
    """The metadata of a run's last materialization: what names and schema of the run are taken from."""
    return run.materializations[-1].metadata if run.materializations else {}


def _listed(key: str, info: AssetInfo | None, run: AssetRun) -> list[DatasetDescription]:
    sources = (Source(Origin.DEFINITION, info.metadata if info else {}), Source(Origin.METADATA, last_metadata(run)))
    return [
        DatasetDescription(ref, source.origin, present(dataSource=datasets.data_source(ref)))
        for source in sources
        for ref in naming.refs_from(source.metadata, key)
    ]


def _version_written(run: AssetRun) -> str | None:
    return run.materializations[-1].tags.get("dagster/data_version") if run.materializations else None
