"""What users say in metadata or by a hook → values as the client's classes have them; what does not fit is refused.

The client's own classes say which fields an object has and of which type. Formats and names are looked at here: a name
that no backend should get must not reach it inside a facet either, since Marquez keeps the datasets of `symlinks` and
the job of `parent` as it keeps those of the event.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import attr

from weather_pipeline.lineage import naming, uris
from weather_pipeline.lineage.facets.base import KEPT_EMPTY, Unusable, text
from weather_pipeline.lineage.model import Metadata

Known = TypeVar("Known")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def declared(kind: Callable[..., Known], found: object, key: str) -> Known:
    """One of the client's objects from what metadata says under a key: a JSON object with the object's own fields.

    Raises:
        Unusable: It is no object, lacks a field that is needed, or has one that is not known or does not fit.
    """
    if isinstance(found, Mapping) and (unknown := sorted({str(name) for name in found} - set(_fields(kind)))):
        raise Unusable(f"{key} has {', '.join(map(repr, unknown))}: {_form(kind)}.")
    return kind(**typed(kind, found, key))


def typed(kind: Callable[..., Any], found: object, key: str) -> dict[str, Any]:
    """The fields of one of the client's classes: numbers as texts where texts are needed, names without user info.

    Fields that the class does not know stay as they are: OpenLineage lets objects have more.

    Raises:
        Unusable: It is no object, lacks a field that is needed, or one has another type or format.
    """
    if not isinstance(found, Mapping):
        raise Unusable(f"{key} is {found!r}: {_form(kind)}.")
    known, hints = _fields(kind), _hints(kind)
    given = {str(name): value for name, value in found.items() if value is not None}
    if (mark := _mark(kind)) and given.setdefault("type", mark) != mark:
        raise Unusable(f"type of {key} is {given['type']!r}: {mark!r} is needed.")
    if missing := sorted(name for name in _needed(kind) if name not in given or _is_dropped(name, given[name])):
        raise Unusable(f"{key} lacks {', '.join(missing)}: {_form(kind)}.")
    values = {
        name: _as_type(hints.get(name, Any), value, f"{name} of {key}") if name in known else value
        for name, value in given.items()
    }
    for name in known:
        if name in values and name in _FORMATS:
            word, fits = _FORMATS[name]
            if not fits(values[name]):
                raise Unusable(f"{name} of {key} is {values[name]!r}: {word} is needed.")
    return _named(values, key) if "namespace" in known else values


def _named(values: dict[str, Any], key: str) -> dict[str, Any]:
    try:
        namespace = {"namespace": naming.checked_namespace(values["namespace"])} if "namespace" in values else {}
        name = {"name": naming.checked_name("its", values["name"])} if "name" in values else {}
    except naming.InvalidName as error:
        raise Unusable(f"{key}: {error}") from None
    return values | namespace | name


@lru_cache(maxsize=256)
def _fields(kind: Any) -> Mapping[str, attr.Attribute[Any]]:
    return {each.name: each for each in attr.fields(kind) if not each.name.startswith("_")}


@lru_cache(maxsize=256)
def _hints(kind: Any) -> Mapping[str, Any]:
    try:
        return get_type_hints(kind)
    except NameError:
        return {}  # a class of the user's own, whose names only its own module's functions know


def _needed(kind: Any) -> list[str]:
    return [name for name, each in _fields(kind).items() if each.default is attr.NOTHING]


def _mark(kind: Any) -> str | None:
    """What `type` says of an object that is one of several forms."""
    field = _fields(kind).get("type")
    return field.default if field and isinstance(field.default, str) else None


def _is_dropped(name: str, value: object) -> bool:
    """Whether an event goes without it, because it is empty."""
    return value in ({}, []) and name not in KEPT_EMPTY


def _form(kind: Any) -> str:
    """What is needed, in words."""
    needed = _needed(kind)
    fields = ", ".join(each if each in needed else f"{each} (if known)" for each in _fields(kind))
    return f"an object with {fields} is needed"


def _as_type(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        kinds = [each for each in arguments if each is not type(None)]
        return _as_type(kinds[0], value, where) if len(kinds) == 1 else _one_of(kinds, value, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise Unusable(f"{where} is {value!r}: an object is needed.")
        return {str(name): _as_type(arguments[1], each, f"{where}, {name}") for name, each in value.items()}
    if origin is list:
        return [
            _as_type(arguments[0], each, f"{where}, number {at}") for at, each in enumerate(listed(value, where), 1)
        ]
    if origin is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
        words = arguments if origin is Literal else tuple(each.value for each in kind)
        if value not in words:
            raise Unusable(f"{where} is {value!r}: {' or '.join(words)} is needed.")
        return value
    if attr.has(kind):
        return typed(kind, value, where)
    word, fits = _TYPES.get(kind, ("", lambda _: True))
    if not fits(value):
        raise Unusable(f"{where} is {value!r}: {word} is needed.")
    return text(value) if kind is str else value


def _one_of(kinds: Sequence[Any], value: Any, where: str) -> Any:
    """The value as the first of several forms that it fits."""
    for kind in kinds:
        try:
            return _as_type(kind, value, where)
        except Unusable:
            continue
    raise Unusable(f"{where} is {value!r}: {', or '.join(map(_form, kinds))}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return _TIME.fullmatch(value) is not None


_TYPES: Mapping[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("a text", lambda value: isinstance(value, str | int | float)),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("a whole number", lambda value: _is_number(value) and value == int(value)),
    float: ("a number", _is_number),
}
"""The plain types of the client's fields, in words, and what fits them."""

_A_TIME = ("a time as 2026-11-21T10:00:00Z", _is_time)
_A_URI = ("a URI, with %20 for a space and the like,", uris.is_uri)
_FORMATS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "runId": ("a UUID", _is_uuid),
    "uri": _A_URI,
    "url": _A_URI,
    "nominalStartTime": _A_TIME,
    "nominalEndTime": _A_TIME,
    "lastUpdated": _A_TIME,
}
"""The formats that the schemas ask of fields of these names, in words, and what fits them."""


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
