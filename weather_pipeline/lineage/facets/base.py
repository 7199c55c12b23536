"""What all facets share: who we are, where a facet's content came from, how times are written."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any, TypeVar

from weather_pipeline.lineage.model import Origin, Source, StorageUnavailable
from weather_pipeline.lineage.redaction import redacted, shortened

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


KEPT_EMPTY = ("inputs", "outputs", "inputFields", "columnMetrics", "dimensions")
"""Lists and mappings that go into an event be they empty: a schema needs them, and they say something so."""
_LONGEST_REASON = 4_000

Given = TypeVar("Given")


class Unusable(ValueError):
    """Metadata of a form that no facet can be made of; says which key, what was found and what is needed."""


@dataclass(frozen=True)
class Sourced:
    """A facet and the origin of what it says."""

    facet: Any
    origin: Origin


@dataclass(frozen=True)
class LeftOut:
    """In a facet's place: why it is not there."""

    reason: str
    failed: bool = False
    """It could not be built, which the run's `extractionError` tells; else somebody wanted it so."""
    stack: str | None = None


Facets = Mapping[str, Sourced | LeftOut]
"""Facets by their key."""


def present(**facets: Sourced | Callable[[], Sourced | None] | None) -> dict[str, Sourced | LeftOut]:
    """Facets by key, without those that are None, each with us as its producer.

    A facet given as a function that raises costs only itself: why stands in its place.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    known: dict[str, Sourced | LeftOut] = {}
    for key, given in facets.items():
        facet = attempt(given) if callable(given) else given
        if isinstance(facet, Sourced):
            # The client's own way of naming a producer is a global of the process, which may be somebody else's.
            # Past the client's validator, which parses the address again for each facet of each event.
            object.__setattr__(facet.facet, "_producer", PRODUCER)
        if facet is not None:
            known[key] = facet
    return known


def attempt(build: Callable[[], Given]) -> Given | LeftOut:
    """What a function gives, or why it gives nothing.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    try:
        return build()
    except StorageUnavailable:
        raise
    except Unusable as error:
        return LeftOut(_safe(str(error)), failed=True)
    except Exception as error:  # noqa: BLE001  (one facet that can't be built must not cost the event)
        return LeftOut(_safe(f"{type(error).__name__}: {error}"), failed=True, stack=_safe(traceback.format_exc()))


def _safe(reason: str) -> str:
    return shortened(redacted(shortened(reason, 4 * _LONGEST_REASON)), _LONGEST_REASON)


def first(sources: Iterable[Source], *keys: str) -> tuple[Any, Origin] | None:
    """The value of the first source that has one under one of these keys, with its origin."""
    return next(
        ((found, source.origin) for source in sources for key in keys if (found := source.metadata.get(key))), None
    )


def text(value: object) -> str | None:
    """A value as OpenLineage's text fields take it; None stays None."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def iso(at: datetime) -> str:
    """A time as OpenLineage writes it: UTC, with microseconds and a `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
