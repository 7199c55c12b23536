"""What all facets share: who we are, where a facet's content came from, how times are written."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from math import isfinite
from typing import Any, TypeVar

import attr

from weather_pipeline.lineage.model import Metadata, Origin, Source, StorageUnavailable
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


_LONGEST_REASON = 4_000

Given = TypeVar("Given")
Known = TypeVar("Known")


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


def declared(kind: Callable[..., Known], found: object, key: str) -> Known:
    """One of the client's objects from what metadata says under a key: a JSON object with the object's own fields.

    Raises:
        Unusable: It is no object, lacks a field that is needed, or has one that is not known.
    """
    fields = {each.name: each for each in attr.fields(kind) if not each.name.startswith("_")}  # type: ignore[arg-type]
    needed = [name for name, each in fields.items() if each.default is attr.NOTHING]
    known = f"an object with {', '.join(name if name in needed else f'{name} (if known)' for name in fields)} is needed"
    if not isinstance(found, Mapping):
        raise Unusable(f"{key} is {found!r}: {known}.")
    given = {name: value for name, value in found.items() if value is not None}
    if unknown := sorted(set(given) - set(fields)):
        raise Unusable(f"{key} has {', '.join(map(repr, unknown))}: {known}.")
    if missing := sorted(set(needed) - set(given)):
        raise Unusable(f"{key} lacks {', '.join(missing)}: {known}.")
    return kind(**typed(kind, given, key))


def typed(kind: Callable[..., Any], given: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Values as the fields of one of the client's classes take them: numbers as texts where texts are needed.

    Raises:
        Unusable: A value has another type.
    """
    types = {each.name: str(each.type).removesuffix(" | None") for each in attr.fields(kind)}  # type: ignore[arg-type]
    return {name: _as_type(types.get(name, ""), value, f"{name} of {key}") for name, value in given.items()}


def _as_type(kind: str, value: Any, where: str) -> Any:
    if kind.startswith("dict[str, "):
        if not isinstance(value, Mapping):
            raise Unusable(f"{where} is {value!r}: an object is needed.")
        inner = kind.removeprefix("dict[str, ").removesuffix("]")
        return {str(name): _as_type(inner, each, f"{where}, {name}") for name, each in value.items()}
    needed = _TYPES.get(kind)
    if needed is None:
        return value
    word, fits = needed
    if not fits(value):
        raise Unusable(f"{where} is {value!r}: {word} is needed.")
    return text(value) if kind == "str" else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


_TYPES: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "str": ("a text", lambda value: isinstance(value, str | int | float)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int": ("a whole number", lambda value: _is_number(value) and value == int(value)),  # type: ignore[call-overload]
    "float": ("a number", _is_number),
}
"""The plain types of the client's fields, in words, and what fits them."""


def listed(found: object, key: str) -> Sequence[Any]:
    """What metadata says under a key, as a list.

    Raises:
        Unusable: It is no list.
    """
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise Unusable(f"{key} is {found!r}: a list is needed.")
    return found


def number(metadata: Metadata, key: str) -> int | None:
    """A count that metadata gives, None where it gives none.

    Raises:
        Unusable: It is no count: no whole number of zero or more.
    """
    value = metadata.get(key)
    if value is None:
        return None
    if not _is_number(value) or value < 0 or value % 1:
        raise Unusable(f"{key} is {value!r}: a whole number of zero or more is needed.")
    return int(value)


def text(value: object) -> str | None:
    """A value as OpenLineage's text fields take it; None stays None."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def iso(at: datetime) -> str:
    """A time as OpenLineage writes it: UTC, with microseconds and a `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
