"""Events against OpenLineage's own JSON Schemas, formats and facet kinds included."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource

from tests.tools import shared

OURS = Path(__file__).parents[1] / "weather_pipeline" / "lineage" / "schemas"


@cache
def _registry() -> Registry[Any]:
    files = [*shared("lineage/spec").rglob("*.json"), *OURS.rglob("*.json")]
    documents = [json.loads(file.read_text()) for file in files]
    known = {document["$id"]: document for document in documents if "$id" in document}

    def newest_older(uri: str) -> Resource[Any]:
        """The client may be ahead of the schemas that are kept: SchemaVer only adds to a facet."""
        name = uri.rsplit("/", 1)[-1]
        versions = sorted(each for each in known if "/facets/" in each and each.endswith(f"/{name}") and each < uri)
        if not versions:
            raise NoSuchResource(ref=uri)
        return Resource.from_contents({**known[versions[-1]], "$id": uri})

    resources = [(uri, Resource.from_contents(document)) for uri, document in known.items()]
    return Registry(retrieve=newest_older).with_resources(resources)  # type: ignore[call-arg,no-any-return]


def findings(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event by the core schema and by each facet's own; empty where nothing is.

    Skips the test where OpenLineage's schemas are not there.
    """
    event = {key: value for key, value in event.items() if not key.startswith("_")}
    found = _validate(event["schemaURL"], event, "event")
    for section, key, facet in _facets(event):
        found += _validate(facet["_schemaURL"], facet, f"{section}.{key}")
        kind = _kind(facet["_schemaURL"])
        if f"/{section}/" not in kind:
            found.append(f"{key} stands among {section} facets, its schema says {kind}")
    return found


def _validate(url: str, value: Any, where: str) -> list[str]:
    validator = Draft202012Validator({"$ref": url}, registry=_registry(), format_checker=FormatChecker())
    return [f"{where}: {error.message} at {list(error.absolute_path)}" for error in validator.iter_errors(value)]


def _facets(event: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    found = [
        (kind, key, facet)
        for part, kind in (("run", "RunFacet"), ("job", "JobFacet"), ("dataset", "DatasetFacet"))
        for key, facet in event.get(part, {}).get("facets", {}).items()
    ]
    for section, part, kind in (
        ("inputs", "facets", "DatasetFacet"),
        ("outputs", "facets", "DatasetFacet"),
        ("inputs", "inputFacets", "InputDatasetFacet"),
        ("outputs", "outputFacets", "OutputDatasetFacet"),
    ):
        for dataset in event.get(section, []):
            found += [(kind, key, facet) for key, facet in dataset.get(part, {}).items()]
    return found


@cache
def _kind(url: str) -> str:
    """The base facets that a facet's schema is or builds on, as one text."""
    resolved = _registry().resolver().lookup(url).contents
    urls = [url, *(part["$ref"] for part in resolved.get("allOf", []) if "$ref" in part)]
    return " ".join("/" + each.rsplit("/", 1)[-1] + "/" for each in urls)
