"""A small typed client of Marquez's REST API: a real Marquez and the embedded service alike.

Answers become frozen models that ignore what they do not know. Lists are paged through, so a caller sees all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from weather_pipeline.errors import LineageApiError, StoreUnavailable
from weather_pipeline.urls import is_loopback, without_login

_PAGE = 100
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class LineageRequestFailed(LineageApiError):
    """The lineage API refused a request; `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int) -> None:
        """Keep the status."""
        super().__init__(message, status)
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_request_failed, (self.message, self.status))


def _request_failed(message: str, status: int) -> LineageRequestFailed:
    return LineageRequestFailed(message, status=status)


class LineageUnavailable(StoreUnavailable):
    """The lineage API can't be reached, timed out or answered 5xx: a later attempt may succeed."""


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class Namespace(_Model):
    """A namespace."""

    name: str
    owner_name: str | None = None
    description: str | None = None
    is_hidden: bool = False


class Name(_Model):
    """The identity of a job or a dataset."""

    namespace: str
    name: str


class VersionName(Name):
    """The identity of a version of a job or a dataset."""

    version: str


class RunDataset(_Model):
    """A dataset version that a run read or wrote."""

    dataset_version_id: VersionName
    facets: Mapping[str, Any] = Field(default_factory=dict)


class Run(_Model):
    """A run; `state` is NEW, RUNNING, COMPLETED, FAILED or ABORTED."""

    id: str
    state: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    args: Mapping[str, Any] = Field(default_factory=dict)
    job_version: VersionName | None = None
    input_dataset_versions: tuple[RunDataset, ...] = ()
    output_dataset_versions: tuple[RunDataset, ...] = ()
    facets: Mapping[str, Any] = Field(default_factory=dict)


class Job(_Model):
    """A job with its newest runs."""

    id: Name
    type: str
    name: str
    namespace: str
    parent_job_name: str | None = None
    created_at: datetime
    updated_at: datetime
    inputs: tuple[Name, ...] = ()
    outputs: tuple[Name, ...] = ()
    location: str | None = None
    description: str | None = None
    latest_run: Run | None = None
    latest_runs: tuple[Run, ...] | None = None
    facets: Mapping[str, Any] = Field(default_factory=dict)
    labels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Column(_Model):
    """A column of a dataset."""

    name: str
    type: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None


class ColumnSource(_Model):
    """A column that another one is made of."""

    namespace: str
    dataset: str
    field: str


class ColumnSources(_Model):
    """The columns that one column is made of."""

    name: str
    input_fields: tuple[ColumnSource, ...] = ()


class Dataset(_Model):
    """A dataset."""

    id: Name
    type: str
    name: str
    namespace: str
    physical_name: str
    source_name: str
    created_at: datetime
    updated_at: datetime
    fields: tuple[Column, ...] = ()
    tags: tuple[str, ...] = ()
    description: str | None = None
    current_version: str | None = None
    last_lifecycle_state: str | None = None
    column_lineage: tuple[ColumnSources, ...] | None = None
    facets: Mapping[str, Any] = Field(default_factory=dict)
    deleted: bool = False


class DatasetVersion(_Model):
    """A version of a dataset, with the run that wrote it."""

    id: Name
    name: str
    namespace: str
    version: str
    created_at: datetime
    fields: tuple[Column, ...] = ()
    created_by_run: Run | None = None
    facets: Mapping[str, Any] = Field(default_factory=dict)


class Edge(_Model):
    """An edge between two nodes, by their ids."""

    origin: str
    destination: str


class Node(_Model):
    """A node of a lineage graph; `data` is what Marquez says about the job or dataset."""

    id: str
    type: str
    data: Mapping[str, Any] = Field(default_factory=dict)
    in_edges: tuple[Edge, ...] = ()
    out_edges: tuple[Edge, ...] = ()


class LineageGraph(_Model):
    """The answer of the lineage endpoint; `graph.py` walks it."""

    graph: tuple[Node, ...]


_ModelT = TypeVar("_ModelT", bound=_Model)


class MarquezClient:
    """Asks one Marquez. Usable as a context manager; not to be shared between threads.

    Args:
        base_url: Address without `/api/v1`.
        timeout: Seconds to wait for a connection and between two parts of an answer.
        token: Bearer token, where the API or a proxy wants one; a user and password in the address count before it.

    Every method raises `LineageRequestFailed` where the API refuses (404 where a thing does not exist) and
    `LineageUnavailable` where it is away.
    """

    def __init__(self, base_url: str, *, timeout: float = 10.0, token: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._shown = without_login(self.base_url)
        self.timeout = timeout
        self._session = requests.Session()
        # A proxy of the environment leads outward, where this machine's own address means another machine.
        self._session.trust_env = not is_loopback(self.base_url)
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def ping(self) -> bool:
        """Whether the API answers."""
        try:
            self._get("/namespaces", limit=1)
        except LineageUnavailable:
            return False
        return True

    def namespaces(self) -> list[Namespace]:
        """All namespaces."""
        return list(self._pages("/namespaces", "namespaces", Namespace))

    def jobs(self, namespace: str | None = None) -> list[Job]:
        """All jobs of a namespace, or of all."""
        path = "/jobs" if namespace is None else f"/namespaces/{_quoted(namespace)}/jobs"
        return list(self._pages(path, "jobs", Job))

    def job(self, namespace: str, name: str) -> Job:
        """One job."""
        return self._read(f"/namespaces/{_quoted(namespace)}/jobs/{_quoted(name)}", Job)

    def runs(self, namespace: str, job: str) -> list[Run]:
        """All runs of a job, the newest first."""
        return list(self._pages(f"/namespaces/{_quoted(namespace)}/jobs/{_quoted(job)}/runs", "runs", Run))

    def run(self, run_id: str) -> Run:
        """One run."""
        return self._read(f"/jobs/runs/{_quoted(run_id)}", Run)

    def run_facets(self, run_id: str, facet_type: Literal["run", "job"] = "run") -> dict[str, Any]:
        """The facets of a run or of its job; empty where there are none."""
        answer = self._get(f"/jobs/runs/{_quoted(run_id)}/facets", type=facet_type)
        return dict(answer.get("facets") or {}) if answer else {}

    def datasets(self, namespace: str) -> list[Dataset]:
        """All datasets of a namespace."""
        return list(self._pages(f"/namespaces/{_quoted(namespace)}/datasets", "datasets", Dataset))

    def dataset(self, namespace: str, name: str) -> Dataset:
        """One dataset."""
        return self._read(f"/namespaces/{_quoted(namespace)}/datasets/{_quoted(name)}", Dataset)

    def dataset_versions(self, namespace: str, name: str) -> list[DatasetVersion]:
        """All versions of a dataset, the newest first."""
        path = f"/namespaces/{_quoted(namespace)}/datasets/{_quoted(name)}/versions"
        return list(self._pages(path, "versions", DatasetVersion))

    def lineage(self, node_id: str, depth: int = 20) -> LineageGraph:
        """The graph around a node (`job:NAMESPACE:NAME`, `dataset:NAMESPACE:NAME`), both directions."""
        return self._read("/lineage", LineageGraph, nodeId=node_id, depth=depth)

    def events(
        self, *, before: datetime | None = None, after: datetime | None = None, newest_first: bool = True
    ) -> Iterator[dict[str, Any]]:
        """The events received whose time lies in a range, one page after the other."""
        limits = {"before": before.isoformat() if before else None, "after": after.isoformat() if after else None}
        direction = "desc" if newest_first else "asc"
        yield from self._raw_pages("/events/lineage", "events", sortDirection=direction, **limits)

    def _read(self, path: str, model: type[_ModelT], **parameters: Any) -> _ModelT:
        return self._model(path, model, self._get(path, **parameters))

    def _pages(self, path: str, key: str, model: type[_ModelT]) -> Iterator[_ModelT]:
        for entry in self._raw_pages(path, key):
            yield self._model(path, model, entry)

    def _raw_pages(self, path: str, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._get(path, limit=_PAGE, offset=offset, **parameters)[key]
            yield from page
            if len(page) < _PAGE:
                return
            offset += _PAGE

    def _model(self, path: str, model: type[_ModelT], content: Any) -> _ModelT:
        try:
            return model.model_validate(content)
        except ValidationError as error:
            raise LineageApiError(
                f"The answer of {self._shown}/api/v1{path} is not what Marquez answers: {error}"
            ) from error

    def _get(self, path: str, **parameters: Any) -> Any:
        given = {name: value for name, value in parameters.items() if value is not None}
        response = self._request("GET", path, params=given)
        if not response.content:
            return None
        try:
            return response.json()
        except requests.exceptions.JSONDecodeError as error:
            raise LineageApiError(
                f"{without_login(response.url)} did not answer JSON: {response.text[:200]!r}"
            ) from error

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        url = f"{self.base_url}/api/v1{path}"
        try:
            response = self._session.request(method, url, timeout=self.timeout, allow_redirects=False, **options)
        except requests.exceptions.RequestException as error:
            raise LineageUnavailable(f"The lineage API at {self._shown} does not answer: {error}") from error
        if response.ok:
            return response
        message = f"{method} {self._shown}/api/v1{path} answered {response.status_code}: {response.text[:500]}"
        if response.status_code in _TRANSIENT:
            raise LineageUnavailable(message)
        raise LineageRequestFailed(message, status=response.status_code)


def _quoted(name: str) -> str:
    return quote(name, safe="")
