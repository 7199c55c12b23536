"""What all facets share: who we are, where a facet's content came from, how times are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any

from weather_pipeline.lineage.model import Origin, Source

PROJECT = "https://weather-pipeline.example"
"""Base of the addresses that name this producer and its schemas."""


def installed_version(package: str) -> str:
    """The version of an installed package, `unknown` where it is used from a bare source tree."""
    try:
        return version_of(package)
    except PackageNotFoundError:
        return "unknown"


VERSION = installed_version("weather-pipeline")
PRODUCER = f"{PROJECT}/lineage/{VERSION}"


@dataclass(frozen=True)
class Sourced:
    """A facet and the origin of what it says."""

    facet: Any
    origin: Origin


Facets = Mapping[str, Sourced]
"""Facets by their key."""


def present(**facets: Sourced | None) -> dict[str, Sourced]:
    """Facets by key, without those that are None, each with us as its producer.

    The client's own way of naming a producer is a global of the process, which may belong to somebody else.
    """
    known = {key: sourced for key, sourced in facets.items() if sourced is not None}
    for sourced in known.values():
        setattr(sourced.facet, "_producer", PRODUCER)  # noqa: B010  (the client's name for it is private)
    return known


def first(sources: Iterable[Source], key: str) -> tuple[Any, Origin] | None:
    """The value of the first source that has one under this key, with its origin."""
    return next(((found, source.origin) for source in sources if (found := source.metadata.get(key))), None)


def iso(at: datetime) -> str:
    """A time as OpenLineage writes it: UTC, with microseconds and a `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
