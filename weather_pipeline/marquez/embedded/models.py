"""Marquez's answers as typed models. Attribute names are ours, JSON names are Marquez's camelCase."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from weather_pipeline.marquez.embedded.facets import Facets, format_instant

Instant = Annotated[datetime, PlainSerializer(format_instant, return_type=str, when_used="json-unless-none")]
"""A time in UTC, written as Java writes instants."""


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Namespace(Answer):
    """A namespace."""

    name: str
    created_at: Instant
    updated_at: Instant
    owner_name: str
    description: str | None
    is_hidden: bool


class Namespaces(Answer):
    """A page of namespaces."""

    namespaces: list[Namespace]


class Source(Answer):
    """A data source; `connection_url` is empty where no event said it."""

    type: str
    name: str
    created_at: Instant
    updated_at: Instant
    connection_url: str
    description: str | None


class Sources(Answer):
    """A page of sources."""

    sources: list[Source]


class Name(Answer):
    """The identity of a job or a dataset."""

    namespace: str
    name: str


class VersionName(Name):
    """The identity of a version of a job or a dataset."""

    version: UUID


class RunDataset(Answer):
    """A dataset version that a run read or wrote, with the input or output facets."""

    dataset_version_id: VersionName
    facets: Facets


class Run(Answer):
    """A run."""

    id: UUID
    created_at: Instant
    updated_at: Instant
    nominal_start_time: Instant | None
    nominal_end_time: Instant | None
    state: str
    started_at: Instant | None
    ended_at: Instant | None
    duration_ms: int | None
    args: dict[str, str]
    job_version: VersionName | None
    input_dataset_versions: list[RunDataset]
    output_dataset_versions: list[RunDataset]
    facets: Facets


class RecentRun(Run):
    """A run with the job that it belongs to."""

    job: Name


class Runs(Answer):
    """A page of a job's runs."""

    runs: list[Run]
    total_count: int


class RecentRuns(Answer):
    """The newest runs of all jobs."""

    runs: list[RecentRun]
    total_count: int


class RunFacets(Answer):
    """The facets of a run, or of its job."""

    run_id: UUID
    facets: Facets


class JobSummary(Answer):
    """What every answer about a job has."""

    id: Name
    type: str
    name: str
    simple_name: str
    parent_job_name: str | None
    parent_job_uuid: UUID | None
    created_at: Instant
    updated_at: Instant
    namespace: str
    inputs: list[Name]
    outputs: list[Name]
    location: str | None
    description: str | None
    latest_run: Run | None


class Job(JobSummary):
    """A job."""

    latest_runs: list[Run] | None
    facets: Facets
    current_version: UUID | None
    labels: list[str]
    tags: list[str]


class Jobs(Answer):
    """A page of jobs."""

    total_count: int
    jobs: list[Job]


class JobVersion(Answer):
    """A version of a job: its inputs, outputs and location."""

    id: VersionName
    name: str
    created_at: Instant
    version: UUID
    namespace: str
    location: str | None
    inputs: list[Name]
    outputs: list[Name]
    latest_run: Run | None


class JobVersions(Answer):
    """A page of a job's versions."""

    versions: list[JobVersion]


class Field(Answer):
    """A column of a dataset."""

    name: str
    type: str | None
    tags: list[str]
    description: str | None


class ColumnSource(Answer):
    """A column that another one is made of."""

    namespace: str
    dataset: str
    field: str
    transformation_description: str | None
    transformation_type: str | None


class ColumnLineage(Answer):
    """The columns that one column is made of."""

    name: str
    input_fields: list[ColumnSource]
    transformation_description: str | None
    transformation_type: str | None


class DatasetSummary(Answer):
    """What the lineage graph says about a dataset."""

    id: Name
    type: str
    name: str
    physical_name: str
    created_at: Instant
    updated_at: Instant
    namespace: str
    source_name: str
    fields: list[Field]
    tags: list[str]
    last_modified_at: Instant | None
    description: str | None
    last_lifecycle_state: str | None


class Dataset(DatasetSummary):
    """A dataset."""

    current_version: UUID | None
    column_lineage: list[ColumnLineage] | None
    facets: Facets
    deleted: bool


class Datasets(Answer):
    """A page of datasets."""

    total_count: int
    datasets: list[Dataset]


class DatasetVersion(Answer):
    """A version of a dataset, with the run that wrote it."""

    id: Name
    type: str
    name: str
    physical_name: str
    created_at: Instant
    version: UUID
    namespace: str
    source_name: str
    fields: list[Field]
    tags: list[str]
    lifecycle_state: str
    description: str | None
    current_schema_version: UUID
    created_by_run: Run | None
    facets: Facets


class DatasetVersions(Answer):
    """A page of a dataset's versions."""

    versions: list[DatasetVersion]
    total_count: int


class SearchResult(Answer):
    """A job or dataset whose name contains what was searched."""

    type: Literal["JOB", "DATASET"]
    name: str
    updated_at: Instant
    namespace: str
    node_id: str


class SearchResults(Answer):
    """What a search found."""

    results: list[SearchResult]
    total_count: int


class Tag(Answer):
    """A tag."""

    name: str
    description: str | None


class Tags(Answer):
    """A page of tags."""

    tags: list[Tag]


class Events(Answer):
    """A page of the events received, as Marquez shows them."""

    total_count: int
    events: list[dict[str, Any]]


class EventCount(Answer):
    """How many events of each type an interval has."""

    start_interval: Instant
    end_interval: Instant
    fail: int
    start: int
    complete: int
    abort: int


class TotalCount(Answer):
    """How many things there were at the end of an interval."""

    start_interval: Instant
    end_interval: Instant
    count: int
