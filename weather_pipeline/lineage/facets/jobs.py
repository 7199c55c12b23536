"""Facets of a job."""

from __future__ import annotations

from openlineage.client import facet_v2 as ol

from weather_pipeline.lineage.facets.base import Sourced
from weather_pipeline.lineage.model import AssetInfo, Origin
from weather_pipeline.lineage.redaction import without_secrets


def job_type(kind: str) -> Sourced:
    """`jobType`: a batch job of Dagster; kind is ASSET, CHECK or JOB."""
    facet = ol.job_type_job.JobTypeJobFacet(processingType="BATCH", integration="DAGSTER", jobType=kind)
    return Sourced(facet, Origin.LOG)


def documentation(info: AssetInfo) -> Sourced | None:
    """`documentation`: the asset's description."""
    if not info.description:
        return None
    return Sourced(ol.documentation_job.DocumentationJobFacet(description=info.description), Origin.DEFINITION)


def ownership(info: AssetInfo) -> Sourced | None:
    """`ownership`: the asset's owners, `team:…` or an e-mail address."""
    if not info.owners:
        return None
    owners = [ol.ownership_job.Owner(name=owner, type="OWNER") for owner in info.owners]
    return Sourced(ol.ownership_job.OwnershipJobFacet(owners=owners), Origin.DEFINITION)


def tags(info: AssetInfo) -> Sourced | None:
    """`tags`: the asset's tags, kinds and group; a tag without a value has the value `true`."""
    pairs = [
        *info.tags.items(),
        *(("kind", kind) for kind in info.kinds),
        *([("group", info.group)] if info.group else []),
    ]
    if not pairs:
        return None
    fields = [ol.tags_job.TagsJobFacetFields(key=key, value=value or "true", source="DAGSTER") for key, value in pairs]
    return Sourced(ol.tags_job.TagsJobFacet(tags=fields), Origin.DEFINITION)


def source_code_location(info: AssetInfo) -> Sourced | None:
    """`sourceCodeLocation`: the first code reference that is a URL; a local path names nothing to anyone else."""
    references = info.metadata.get("dagster/code_references") or []
    url = next((reference for reference in references if "://" in reference), None)
    if url is None:
        return None
    facet = ol.source_code_location_job.SourceCodeLocationJobFacet(type="git", url=without_secrets(url))
    return Sourced(facet, Origin.DEFINITION)
