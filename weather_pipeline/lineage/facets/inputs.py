"""Facets of what a run read: which partitions, which version, and who produced it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import attr
from openlineage.client import facet_v2 as ol
from openlineage.client.generated.base import InputDatasetFacet

from weather_pipeline.lineage.facets.base import PROJECT, Sourced, iso
from weather_pipeline.lineage.identity import run_id_for
from weather_pipeline.lineage.messages import JobDescription
from weather_pipeline.lineage.model import Origin, PartitionsRead, Producer, Read

DAGSTER_INPUT_SCHEMA = f"{PROJECT}/spec/facets/1-0-0/DagsterInputFacet.json#/$defs/DagsterInputFacet"


@attr.define
class DagsterInputFacet(InputDatasetFacet):
    """Our own facet `dagster_input`: what a run read of an asset. Schema: `schemas/DagsterInputFacet.json`."""

    assetKey: str  # noqa: N815  (OpenLineage writes its keys so)
    dataVersion: str | None = None  # noqa: N815
    partitionCount: int | None = None  # noqa: N815
    partitions: list[str] | None = None
    producedBy: list[dict[str, Any]] | None = None  # noqa: N815
    _additional_skip_redact: ClassVar[list[str]] = ["assetKey", "dataVersion", "partitions", "producedBy"]

    @staticmethod
    def _get_schema() -> str:
        return DAGSTER_INPUT_SCHEMA


def dagster_input(read: Read | None) -> Sourced | None:
    """`dagster_input`: the asset, its data version, the partitions read, and the runs that produced them.

    `producedBy` names each producing Dagster run with its OpenLineage run id. It is left out where Dagster has no
    record of it any more, and where the partitions that were read are not known or too many to be listed.
    """
    if read is None:
        return None
    facet = DagsterInputFacet(
        assetKey="/".join(read.path),
        dataVersion=read.version,
        partitionCount=read.partitions.count if read.partitions else None,
        partitions=[partition.key for partition in read.partitions.listed] if read.partitions else None,
        producedBy=[_produced_by(read, producer) for producer in read.producers],
    )
    return Sourced(facet, Origin.LOG)


def subset(partitions: PartitionsRead | None) -> Sourced | None:
    """`subset`: the partitions that were read, as the partition mapping of the asset graph gives them."""
    if partitions is None or not partitions.listed:
        return None
    kinds = ol.base_subset_dataset
    listed = [kinds.Partition(dimensions=dict(each.dimensions), identifier=each.key) for each in partitions.listed]
    condition = kinds.PartitionSubsetCondition(partitions=listed)
    return Sourced(kinds.InputSubsetInputDatasetFacet(inputCondition=condition), Origin.DEFINITION)


def job_dependencies(upstream: Iterable[tuple[JobDescription, str]]) -> Sourced | None:
    """`jobDependencies`: the runs that produced what this run read, each with its job."""
    kinds = ol.job_dependencies_run
    listed = [
        kinds.JobDependency(
            job=kinds.JobIdentifier(job.namespace, job.name),
            run=kinds.RunIdentifier(run_id),
            dependency_type="IMPLICIT_DEPENDENCY",
        )
        for job, run_id in upstream
    ]
    return Sourced(kinds.JobDependenciesRunFacet(upstream=listed), Origin.LOG) if listed else None


def producing_run(read: Read, producer: Producer) -> str | None:
    """The OpenLineage run id of a producer; None of an observation, a report without a run, or a deleted run."""
    if producer.observed or producer.dagster_run_id is None or producer.run is None:
        return None
    return run_id_for(producer.dagster_run_id, producer.run.created_at, read.path)


def _produced_by(read: Read, producer: Producer) -> dict[str, Any]:
    said = {
        "event": "OBSERVATION" if producer.observed else "MATERIALIZATION",
        "at": iso(producer.at),
        "dagsterRunId": producer.dagster_run_id,
        "runId": producing_run(read, producer),
        "partitions": list(producer.partitions) or None,
    }
    return {key: value for key, value in said.items() if value is not None}
