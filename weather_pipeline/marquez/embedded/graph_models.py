"""Answers about graphs: of jobs and datasets, of columns, of runs."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from weather_pipeline.marquez.embedded.models import (
    Answer,
    ColumnSource,
    DatasetSummary,
    Instant,
    JobSummary,
    VersionName,
)


class Edge(Answer):
    """An edge between two nodes, by their ids."""

    origin: str
    destination: str


class JobNode(JobSummary):
    """What the lineage graph says about a job."""

    current_run_uuid: UUID | None


class ColumnNodeSource(ColumnSource):
    """A column that another one is made of, with its dataset's current version."""

    dataset_version: UUID | None


class ColumnNode(Answer):
    """What the column graph says about a column."""

    namespace: str
    dataset: str
    dataset_version: UUID | None
    field: str
    field_type: str
    transformation_description: str | None
    transformation_type: str | None
    input_fields: list[ColumnNodeSource]


class Node(Answer):
    """A node of a graph."""

    id: str
    type: Literal["JOB", "DATASET", "DATASET_FIELD"]
    data: JobNode | DatasetSummary | ColumnNode
    in_edges: list[Edge]
    out_edges: list[Edge]


class Graph(Answer):
    """A lineage graph."""

    graph: list[Node]


class RunStatus(Answer):
    """A run in the run graph."""

    id: UUID
    start: Instant | None
    end: Instant | None
    status: str


class RunSource(VersionName):
    """A dataset version that a run read, and the run that wrote it."""

    produced_by_run_id: UUID | None


class UpstreamRun(Answer):
    """A run, its job and what it read."""

    job: VersionName
    run: RunStatus
    inputs: list[RunSource]


class UpstreamRuns(Answer):
    """A run and those that it depends on, the nearest first."""

    runs: list[UpstreamRun]


class RunTarget(VersionName):
    """A dataset version that a run wrote, and the runs that read it."""

    consumed_by_run_ids: list[UUID]


class DownstreamRun(Answer):
    """A run, its job and what it wrote."""

    job: VersionName
    run: RunStatus
    outputs: list[RunTarget]


class DownstreamRuns(Answer):
    """A run and those that depend on it, the nearest first."""

    runs: list[DownstreamRun]
