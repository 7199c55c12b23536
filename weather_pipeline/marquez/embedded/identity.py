"""Keys computed from names, and Marquez's node ids.

A job, a dataset and a dataset version have the same UUID on every machine and in every replay, so storing an event
needs no lookup, and no index over long names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

_JOB = UUID("6b3f3b0e-3c0a-5a65-9c11-1f3d0a6d7a01")
_DATASET = UUID("6b3f3b0e-3c0a-5a65-9c11-1f3d0a6d7a02")
_VERSION = UUID("6b3f3b0e-3c0a-5a65-9c11-1f3d0a6d7a03")
_COLUMN = UUID("6b3f3b0e-3c0a-5a65-9c11-1f3d0a6d7a04")
_UNWRITTEN = UUID("6b3f3b0e-3c0a-5a65-9c11-1f3d0a6d7a05")


def job_key(namespace: str, name: str) -> UUID:
    """The key of a job."""
    return uuid5(_JOB, _joined(namespace, name))


@lru_cache(maxsize=4096)
def dataset_key(namespace: str, name: str) -> UUID:
    """The key of a dataset, or of one of its other names."""
    # Remembered, because column lineage names the same few datasets tens of thousands of times.
    return uuid5(_DATASET, _joined(namespace, name))


def dataset_version_key(dataset: UUID, lifecycle_state: str, fields: Sequence[Any], run: UUID | None) -> UUID:
    """The key of the version that a run wrote: the same run, schema and lifecycle state give the same version."""
    content = json.dumps([str(dataset), lifecycle_state, fields, str(run)], sort_keys=True)
    return uuid5(_VERSION, content)


def unwritten_version_key(dataset: UUID) -> UUID:
    """The key of what was read of a dataset before anybody is known to have written it: one for all who read it."""
    return uuid5(_UNWRITTEN, str(dataset))


def column_edge_key(output: UUID, output_field: str, source: UUID, source_field: str, writer: UUID) -> UUID:
    """The key of one edge between two columns, as one job made it."""
    return uuid5(_COLUMN, _joined(str(output), output_field, str(source), source_field, str(writer)))


def schema_key(dataset: UUID, fields: Sequence[Any]) -> UUID:
    """The key of a dataset's schema."""
    return uuid5(_VERSION, json.dumps([str(dataset), fields], sort_keys=True))


def run_key(run_id: str) -> UUID:
    """A run id as a UUID; one that is not a UUID gives the MD5 name UUID that Marquez gives it."""
    try:
        return UUID(run_id)
    except ValueError:
        return UUID(bytes=hashlib.md5(run_id.encode(), usedforsecurity=False).digest(), version=3)


def splits(text: str) -> Iterator[tuple[str, str]]:
    """Every way to read `NAMESPACE:NAME`, since both parts may contain colons; the shortest namespace first."""
    position = text.find(":")
    while position > 0:
        if position + 1 < len(text):
            yield text[:position], text[position + 1 :]
        position = text.find(":", position + 1)


def job_node(namespace: str, name: str) -> str:
    """The node id of a job."""
    return f"job:{namespace}:{name}"


def dataset_node(namespace: str, name: str) -> str:
    """The node id of a dataset."""
    return f"dataset:{namespace}:{name}"


def field_node(namespace: str, dataset: str, field: str) -> str:
    """The node id of a column."""
    return f"datasetField:{namespace}:{dataset}:{field}"


def _joined(*parts: str) -> str:
    # Names never contain NUL, so no two lists of names join to the same text.
    return "\0".join(parts)
