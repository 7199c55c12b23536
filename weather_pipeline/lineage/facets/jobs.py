"""Facets of a job."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from openlineage.client import facet_v2 as ol

from weather_pipeline.lineage import uris
from weather_pipeline.lineage.facets.base import Sourced, Unusable, first, text
from weather_pipeline.lineage.facets.datasets import MARKDOWN, asset_tags
from weather_pipeline.lineage.model import AssetInfo, DatasetRef, Origin, Source

_PROCESSING = ("BATCH", "STREAMING", "SERVICE")
_DIALECTS = {"postgres": "postgresql", "mssql": "sqlserver", "awsathena": "athena"}
_FORGE = re.compile(r"/(?P<repository>.+?)/(?:-/)?(?:blob|tree|src|raw)/(?P<revision>[^/]+)/(?P<path>.+)")
"""`/OWNER/REPOSITORY/blob/REVISION/PATH` of GitHub and its like, with `/-/` before `blob` at GitLab."""
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def job_type(kind: str, *sources: Source) -> Sourced:
    """`jobType`: a job of Dagster; kind is ASSET, CHECK or JOB.

    BATCH, unless `openlineage/processing_type` in metadata says STREAMING or SERVICE. Events are sent on changes of
    state, and add to each other.

    Raises:
        Unusable: `openlineage/processing_type` is none of these.
    """
    said, origin = first(sources, "openlineage/processing_type") or ("BATCH", Origin.LOG)
    if str(said).upper() not in _PROCESSING:
        raise Unusable(f"openlineage/processing_type is {said!r}: one of {', '.join(_PROCESSING)} is needed.")
    facet = ol.job_type_job.JobTypeJobFacet(
        processingType=str(said).upper(),
        integration="DAGSTER",
        jobType=kind,
        emissionPattern=ol.job_type_job.EmissionPattern(eventTrigger="EVENT_BASED", eventContentMode="ACCUMULATIVE"),
    )
    return Sourced(facet, origin)


def documentation(info: AssetInfo) -> Sourced | None:
    """`documentation`: the asset's description, which Dagster reads as Markdown."""
    if not info.description:
        return None
    facet = ol.documentation_job.DocumentationJobFacet(description=info.description, contentType=MARKDOWN)
    return Sourced(facet, Origin.DEFINITION)


def ownership(info: AssetInfo) -> Sourced | None:
    """`ownership`: the asset's owners, `team:…` or an e-mail address."""
    if not info.owners:
        return None
    owners = [ol.ownership_job.Owner(name=owner, type="OWNER") for owner in info.owners]
    return Sourced(ol.ownership_job.OwnershipJobFacet(owners=owners), Origin.DEFINITION)


def tags(info: AssetInfo) -> Sourced | None:
    """`tags`: the asset's tags, kinds and group; a tag without a value has the value `true`."""
    kind = ol.tags_job.TagsJobFacetFields
    fields = [kind(key=key, value=value, source="DAGSTER") for key, value in asset_tags(info)]
    return Sourced(ol.tags_job.TagsJobFacet(tags=fields), Origin.DEFINITION) if fields else None


def source_code_location(info: AssetInfo) -> Sourced | None:
    """`sourceCodeLocation`: the first code reference that is a URL; a local path names nothing to anyone else.

    The addresses of GitHub, GitLab and their like say which repository, path and revision; a revision that is a hash
    is the version, any other the branch. The line stays at the end of the URL (`#L12`).
    """
    references = info.metadata.get("dagster/code_references") or []
    url = next((reference for reference in references if "://" in reference), None)
    if url is None:
        return None
    facet = ol.source_code_location_job.SourceCodeLocationJobFacet(type="git", url=uris.address(url))
    line = re.search(r"#L\d+(?:-L?\d+)?$", url)
    facet.url += line.group() if line else ""
    parts = urlsplit(facet.url)
    if where := _FORGE.fullmatch(parts.path):
        revision = unquote(where["revision"])
        facet.repoUrl = f"{parts.scheme}://{parts.netloc}/{where['repository']}"
        facet.path = unquote(where["path"])
        facet.version, facet.branch = (revision, None) if _SHA.fullmatch(revision) else (None, revision)
    return Sourced(facet, Origin.DEFINITION)


def sql(ref: DatasetRef | None, *sources: Source) -> Sourced | None:
    """`sql`: `openlineage/sql` or `dagster/query` in metadata (materialization before definition).

    The dialect is `openlineage/sql_dialect`, else `dagster/storage_kind`, else that of the database whose dataset the
    asset is.
    """
    found = first(sources, "openlineage/sql", "dagster/query")
    if not found:
        return None
    dialect, _ = first(sources, "openlineage/sql_dialect", "dagster/storage_kind") or (None, None)
    if dialect is None and ref:
        scheme = uris.scheme_of(ref.namespace)
        dialect = _DIALECTS.get(scheme, scheme) if scheme in uris.DATABASES else None
    return Sourced(ol.sql_job.SQLJobFacet(query=str(found[0]), dialect=text(dialect)), found[1])


def lineage(read: DatasetRef) -> Sourced:
    """`lineage` of a job that reads a dataset and writes none, as that of checks: the job itself is where data goes."""
    kind = ol.lineage
    source = kind.LineageDatasetInput(namespace=read.namespace, name=read.name, type="DATASET")
    return Sourced(kind.LineageJobFacet(entries=[kind.LineageJobEntry(type="JOB", inputs=[source])]), Origin.LOG)
