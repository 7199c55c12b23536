"""The facets that the spool adds to what Spark's listener tells. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weather_pipeline.lineage.facets.base import PRODUCER
from weather_pipeline.lineage.redaction import Redactor, redacted, shortened
from weather_pipeline.lineage.spool.record import Ended, Record

_DOCUMENTATION = "https://openlineage.io/spec/facets/1-1-0/DocumentationJobFacet.json#/$defs/DocumentationJobFacet"
_ERROR = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
_DEPENDENCIES = "https://openlineage.io/spec/facets/1-0-1/JobDependenciesRunFacet.json#/$defs/JobDependenciesRunFacet"
_PARENT = "https://openlineage.io/spec/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet"
_TAGS = "https://openlineage.io/spec/facets/1-0-0/TagsJobFacet.json#/$defs/TagsJobFacet"

JOB_TYPE, SOURCE_SYSTEM, TARGET_SYSTEM = (
    "spark.weather.jobType",
    "spark.weather.sourceSystem",
    "spark.weather.targetSystem",
)
"""What `add_lineage_metadata` says, as it stands in the run facet `spark_properties`."""

_LONGEST = 4_000, 50_000
"""Characters of an error's message and of its stack."""


def facet(schema: str, **fields: Any) -> dict[str, Any]:
    """A facet as JSON values."""
    return {"_producer": PRODUCER, "_schemaURL": schema, **fields}


def error_message(ended: Ended, language: str = "PYTHON") -> dict[str, Any]:
    """Why a run did not complete. OpenLineage's `ErrorMessageRunFacet`."""
    stack = {"stackTrace": shortened(redacted(ended.stack), _LONGEST[1])} if ended.stack else {}
    message = shortened(redacted(ended.message or ""), _LONGEST[0])
    return facet(_ERROR, message=message, programmingLanguage=language, **stack)


def launched_by(event: dict[str, Any], record: Record) -> dict[str, Any]:
    """The application's event, with the run that started it as a dependency instead of a parent.

    Marquez renames the children of a parent: the job would have one name by hand and another under Dagster.
    """
    launcher, run = record.launched_by, event["run"]
    if launcher is None:
        return event
    facets = dict(run.get("facets") or {})
    started_by = {
        "job": {"namespace": launcher.namespace, "name": launcher.job},
        "run": {"runId": launcher.run_id},
    }
    if record.keeps_parent:
        facets.setdefault("parent", facet(_PARENT, **started_by))  # the listener's own knows the root too
    else:
        facets.pop("parent", None)
    upstream = [{**started_by, "dependency_type": "DIRECT_INVOCATION"}]
    facets["jobDependencies"] = facet(_DEPENDENCIES, upstream=upstream, downstream=[])
    return {**event, "run": {**run, "facets": facets}}


def described(event: dict[str, Any], record: Record) -> dict[str, Any]:
    """The application's event, with what its program says of itself, unless the event says it."""
    job = event["job"]
    if record.description is None or "documentation" in job["facets"]:
        return event
    text = shortened(redacted(record.description), _LONGEST[0])
    return {
        **event,
        "job": {**job, "facets": {**job["facets"], "documentation": facet(_DOCUMENTATION, description=text)}},
    }


def with_metadata(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event without secrets, with what `add_lineage_metadata` said in the standard facets."""
    redactor = Redactor()
    run, job = (_redacted(event[part], redactor) for part in ("run", "job"))
    for part in (run, job):
        part["facets"] = part.get("facets") or {}
    said = (run["facets"].get("spark_properties") or {}).get("properties") or {}
    if JOB_TYPE in said and "jobType" in job["facets"]:
        job["facets"]["jobType"] = {**job["facets"]["jobType"], "processingType": said[JOB_TYPE].upper()}
    tags = [
        {"key": key, "value": said[name], "source": "SPARK"}
        for key, name in (("source_system", SOURCE_SYSTEM), ("target_system", TARGET_SYSTEM))
        if name in said
    ]
    if tags:
        job["facets"]["tags"] = facet(_TAGS, tags=tags)
    sides = {side: [_redacted(each, redactor) for each in event.get(side) or ()] for side in ("inputs", "outputs")}
    return {**event, "run": run, "job": job, **sides}


def _redacted(part: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """A run, job or dataset without secrets in its facets."""
    kinds = ("facets", "inputFacets", "outputFacets")
    facets = {
        kind: {name: redactor.facet(name, each) for name, each in part[kind].items()}
        for kind in kinds
        if part.get(kind)
    }
    return {**part, **facets}
