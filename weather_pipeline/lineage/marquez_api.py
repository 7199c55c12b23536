"""What a backend knows, asked over Marquez's REST API: runs of jobs in pages, single runs, jobs, datasets.

Only what the comparison with Dagster's log needs; the exporter itself never reads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from openlineage.client.transport import HttpTransport
from requests.adapters import HTTPAdapter

from weather_pipeline.lineage.redaction import redacted, without_secrets

READERS = 8
"""Requests in flight at once."""
_PAGE = 500
_ATTEMPTS = 4
_PAUSE = 0.5
_TIMEOUT = 30.0
_NOT_FOUND = 404
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class BackendError(Exception):
    """The backend can't be asked; says what it answered and what to do."""


class MarquezApi:
    """Asks one Marquez. May be shared by threads.

    Args:
        url: Base URL, without `/api/v1`.
        transport: The OpenLineage transport whose credentials, headers and TLS settings serve here too.

    Every method raises `BackendError` where the backend is away, refuses, or is no Marquez.
    """

    def __init__(self, url: str, transport: HttpTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self.name = without_secrets(self._url)
        self._transport = transport
        self.requests = 0
        """How often it was asked."""
        self._session = requests.Session()
        self._session.mount(self._url, HTTPAdapter(pool_connections=1, pool_maxsize=READERS, pool_block=True))
        if transport is not None:
            self._session.verify, self._session.cert = transport.verify, transport.cert

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def check(self) -> None:
        """Look at whether a Marquez answers.

        Raises:
            BackendError: None does.
        """
        found = self._get("/namespaces", limit=1)
        if not isinstance(found, Mapping) or "namespaces" not in found:
            raise BackendError(
                f"{self.name} has no Marquez API (GET /api/v1/namespaces): what it knows can't be asked. Where a "
                "Marquez stands elsewhere, name it: --url."
            )

    def run(self, run_id: str) -> dict[str, Any] | None:
        """One run, None where it is not known."""
        return self._get(f"/jobs/runs/{_quoted(run_id)}")

    def runs(self, namespace: str, job: str) -> Iterator[list[dict[str, Any]]]:
        """The runs of a job, the last started first, page by page; none where the job is not known."""
        offset = 0
        while True:
            found = self._get(f"/namespaces/{_quoted(namespace)}/jobs/{_quoted(job)}/runs", limit=_PAGE, offset=offset)
            page = found["runs"] if found else []
            yield page
            if len(page) < _PAGE:
                return
            offset += _PAGE

    def job_facets(self, run_id: str) -> dict[str, Any]:
        """The facets of a run's job as of that run; empty where there are none."""
        found = self._get(f"/jobs/runs/{_quoted(run_id)}/facets", type="job")
        return (found.get("facets") or {}) if found else {}

    def dataset(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A dataset, None where it is not known."""
        return self._get(f"/namespaces/{_quoted(namespace)}/datasets/{_quoted(name)}")

    def dataset_version(self, namespace: str, name: str, version: str) -> dict[str, Any] | None:
        """A version of a dataset, None where it is not known."""
        return self._get(f"/namespaces/{_quoted(namespace)}/datasets/{_quoted(name)}/versions/{_quoted(version)}")

    def _get(self, path: str, **parameters: Any) -> Any:
        """The answer's JSON, None for 404; what may pass is asked again a few times."""
        reason = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE * 2 ** (attempt - 1))
            self.requests += 1
            try:
                response = self._session.get(
                    f"{self._url}/api/v1{path}",
                    params=parameters,
                    headers=self._headers(),
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                reason = redacted(str(error))
                continue
            if response.status_code == _NOT_FOUND:
                return None
            if response.ok:
                if not response.content:  # so Marquez answers where a run has no facets
                    return None
                return self._json(path, response)
            reason = f"GET /api/v1{path} answered {response.status_code}: {response.text[:300].strip()}"
            if response.status_code not in _TRANSIENT:
                break
        raise BackendError(f"{self.name} can't be asked: {reason}")

    def _json(self, path: str, response: requests.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise BackendError(
                f"{self.name} did not answer JSON to GET /api/v1{path}: {response.text[:100]!r}. Is it a Marquez?"
            ) from error

    def _headers(self) -> dict[str, str]:
        if self._transport is None:
            return {}
        bearer = self._transport.config.auth.get_bearer()
        return {**({"Authorization": bearer} if bearer else {}), **self._transport.config.custom_headers}


def same_server(one: str, other: str) -> bool:
    """Whether two URLs lead to the same server: credentials for one may go to the other."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.netloc) == (second.scheme, second.netloc)


def _quoted(name: str) -> str:
    return quote(name, safe="")
