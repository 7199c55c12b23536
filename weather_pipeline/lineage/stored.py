"""A body that was kept → a message that any sink can send again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import attr
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import environment_variables_run, tags_job, tags_run

from weather_pipeline.lineage.messages import Message

_Facet = TypeVar(
    "_Facet", tags_job.TagsJobFacet, tags_run.TagsRunFacet, environment_variables_run.EnvironmentVariablesRunFacet
)


def message_of(body: Mapping[str, Any]) -> Message:
    """The message whose body this is; its facets are plain JSON, but for those that OpenLineage's client looks into.

    Raises:
        ValueError: The body is no OpenLineage event.
    """
    try:
        return Message(_subject(body), _part(body), event_of(body))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"The stored body is no OpenLineage event ({type(error).__name__}: {error}).") from error


def event_of(body: Mapping[str, Any]) -> RunEvent | JobEvent | DatasetEvent:
    """The event whose body this is."""
    common = {"eventTime": body["eventTime"], "producer": body["producer"]}
    if "dataset" in body:
        return DatasetEvent(**common, dataset=StaticDataset(**_dataset(body["dataset"])))
    common |= {
        "job": Job(body["job"]["namespace"], body["job"]["name"], facets=_typed(body["job"], tags=_job_tags)),
        "inputs": [
            InputDataset(**_dataset(each), inputFacets=each.get("inputFacets")) for each in body.get("inputs", ())
        ],
        "outputs": [
            OutputDataset(**_dataset(each), outputFacets=each.get("outputFacets")) for each in body.get("outputs", ())
        ],
    }
    if "run" not in body:
        return JobEvent(**common)
    facets = _typed(body["run"], tags=_run_tags, environmentVariables=_environment)
    return RunEvent(**common, eventType=RunState(body["eventType"]), run=Run(body["run"]["runId"], facets))


def _subject(body: Mapping[str, Any]) -> str:
    if "run" in body:
        return body["run"]["runId"]
    kind = "dataset" if "dataset" in body else "job"
    return f"{kind}:{body[kind]['namespace']}/{body[kind]['name']}"


def _part(body: Mapping[str, Any]) -> str:
    return "start" if body.get("eventType") == RunState.START.value else "end"


def _dataset(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"namespace": body["namespace"], "name": body["name"], "facets": body.get("facets")}


def _typed(body: Mapping[str, Any], **types: Any) -> dict[str, Any] | None:
    facets = body.get("facets")
    return facets and {key: types[key](value) if key in types else value for key, value in facets.items()}


def _job_tags(facet: Mapping[str, Any]) -> tags_job.TagsJobFacet:
    return _of_producer(tags_job.TagsJobFacet([tags_job.TagsJobFacetFields(**each) for each in facet["tags"]]), facet)


def _run_tags(facet: Mapping[str, Any]) -> tags_run.TagsRunFacet:
    return _of_producer(tags_run.TagsRunFacet([tags_run.TagsRunFacetFields(**each) for each in facet["tags"]]), facet)


def _environment(facet: Mapping[str, Any]) -> environment_variables_run.EnvironmentVariablesRunFacet:
    variables = [environment_variables_run.EnvironmentVariable(**each) for each in facet["environmentVariables"]]
    return _of_producer(environment_variables_run.EnvironmentVariablesRunFacet(variables), facet)


def _of_producer(facet: _Facet, kept: Mapping[str, Any]) -> _Facet:
    change: Any = {"producer": kept["_producer"]}
    return attr.evolve(facet, **change)
