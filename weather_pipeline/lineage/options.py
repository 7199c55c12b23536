"""What a user chooses about the exported events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from weather_pipeline.lineage.naming import Authorities, checked_namespace


@dataclass(frozen=True)
class Options:
    """Choices about names and times.

    Raises:
        InvalidName: The namespace or the authority can't be sent.
    """

    namespace: str
    """OpenLineage namespace of the jobs."""
    job_suffix: str = "_dagster"
    """Appended to every job's name."""
    table_authority: Authorities = None
    """Namespace of relations known by `dagster/table_name` alone, as `postgres://localhost:5432`; or one for each kind
    of storage, as `{"snowflake": "snowflake://org-account", "duckdb": "file"}`."""
    dagster_url: str | None = None
    """Base URL of the Dagster UI, for links to runs."""
    grace: timedelta = timedelta(seconds=60)
    """How long after its end a run with unfinished steps stays open for late writers."""
    settle: timedelta = timedelta(seconds=2)
    """How long after its end any run stays open, so that its last events are visible on every storage."""
    max_runtime: timedelta = timedelta(days=2)
    """A run that stays open longer, without any sign of life, is ended as ABORT."""

    def __post_init__(self) -> None:
        checked_namespace(self.namespace)
        authorities = self.table_authority or ()
        for authority in (authorities,) if isinstance(authorities, str) else dict(authorities).values():
            checked_namespace(authority)
