"""What a user's hook for facets is asked with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from weather_pipeline.lineage.model import AssetInfo, AssetPath, DatasetRef, Metadata, RunInfo


class FacetKind(StrEnum):
    """What a facet stands on."""

    RUN = "run"
    JOB = "job"
    DATASET = "dataset"
    INPUT = "input"
    """A dataset as it was read."""
    OUTPUT = "output"
    """A dataset as it was written."""


@dataclass(frozen=True)
class FacetEntity:
    """What facets are asked for: given to the hook."""

    kind: FacetKind
    asset: AssetPath | None = None
    """The asset's key: that of the run or job, or that of the dataset. None for what is no asset."""
    run: RunInfo | None = None
    """The Dagster run; None where lineage is told before any run."""
    info: AssetInfo | None = None
    """What the definitions say about the asset."""
    metadata: Metadata = field(default_factory=dict)
    """Metadata of the asset's materialization in the run, empty where there is none yet."""
    dataset: DatasetRef | None = None
    """The dataset, for the kinds dataset, input and output."""


FacetsHook = Callable[[FacetEntity], Mapping[str, Any] | None]
"""Gives facets by key: JSON objects, or facets of the OpenLineage client."""
