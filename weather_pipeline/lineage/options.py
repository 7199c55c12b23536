"""What a user chooses about the exported events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from weather_pipeline.lineage.facets.hook import FacetsHook
from weather_pipeline.lineage.naming import Authorities, checked_namespace
from weather_pipeline.lineage.policy import EmissionPolicy


@dataclass(frozen=True)
class Options:
    """Choices about names and times.

    Raises:
        InvalidName: The namespace or the authority can't be sent.
        ValueError: `parent_facet` is a word that means nothing.
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

    policy: EmissionPolicy = field(default_factory=EmissionPolicy)
    """What may leave."""
    facets_hook: FacetsHook | None = None
    """Gives further facets; one that raises costs no event."""
    parent_facet: Literal["run"] | None = None
    """`run` makes the Dagster run the parent of its assets' runs. Marquez then renames their jobs."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The environment variables that leave with every run."""

    def __post_init__(self) -> None:
        checked_namespace(self.namespace)
        authorities = self.table_authority or ()
        if self.parent_facet not in (None, "run"):
            raise ValueError(f"parent_facet is {self.parent_facet!r}: 'run' or None is needed.")
        for authority in (authorities,) if isinstance(authorities, str) else dict(authorities).values():
            checked_namespace(authority)
