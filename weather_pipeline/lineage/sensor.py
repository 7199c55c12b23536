"""The Dagster sensor: the package's public door.

Every process of a run loads the definitions, and with them this. What only an evaluation needs, such as OpenLineage's
client, is imported by the first one: a run pays nothing for it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import dagster as dg

from weather_pipeline.lineage.dagster_internals import DagsterRunReaction, SensorType
from weather_pipeline.lineage.facets.hook import FacetsHook
from weather_pipeline.lineage.naming import Authorities
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.policy import EmissionPolicy

if TYPE_CHECKING:
    from weather_pipeline.lineage.answers import Sink
    from weather_pipeline.lineage.evaluation import Evaluator

_EARLY = 4
"""Seconds. The daemon looks every 5 seconds, now and then some milliseconds earlier after the last look. A sensor whose
interval has not quite passed then waits for the next look: one that asks for 5 seconds would often get 10."""


class OpenLineageSensorDefinition(dg.SensorDefinition):
    """A run-status sensor in type and purpose, without `@run_status_sensor`'s own loop.

    That loop moves its cursor past a run whose body raised, handles five runs a tick and promises no order.

    Attributes:
        options: What the user chose about the events.
        open_sink: Opens another connection to where the events go.
        monitor_all_code_locations: Whether the runs of other code locations are sent too.
    """

    def __init__(
        self, *, options: Options, open_sink: Callable[[], Sink], monitor_all_code_locations: bool, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.options = options
        self.open_sink = open_sink
        self.monitor_all_code_locations = monitor_all_code_locations

    @property
    def sensor_type(self) -> SensorType:
        """Shown in the Dagster UI as a run-status sensor."""
        return SensorType.RUN_STATUS


def build_openlineage_sensor(
    *,
    namespace: str,
    url: str | None = None,
    token: str | None = None,
    job_suffix: str = "_dagster",
    table_authority: Authorities = None,
    dagster_url: str | None = None,
    since: datetime | None = None,
    name: str = "openlineage_run_status_sensor",
    interval_seconds: int = 5,
    grace: timedelta = timedelta(seconds=60),
    max_runtime: timedelta = timedelta(days=2),
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
    monitor_all_code_locations: bool = False,
    publish_definitions: bool = True,
    low_latency: bool = False,
    policy: EmissionPolicy | None = None,
    facets_hook: FacetsHook | None = None,
    parent_facet: Literal["run"] | None = None,
    sink: Sink | None = None,
) -> OpenLineageSensorDefinition:
    """A sensor that sends every asset run of its code location to an OpenLineage backend.

    Of runs that no code location launched (`dg.materialize` in a script) it sends what the own location defines. Give
    each code location its own sensor: only there are the definitions known, and with them owners, columns and dataset
    names.

    Where to is OpenLineage's own configuration (`openlineage.yml`, `OPENLINEAGE__…`, `OPENLINEAGE_URL`) where there
    is one, else `url`.

    Args:
        namespace: OpenLineage namespace of the jobs.
        url: Base URL of the backend, as `http://localhost:5000`.
        token: Bearer token for `url`. One for OpenLineage's own configuration stands there, as its `apiKey`.
        job_suffix: Appended to every job's name.
        table_authority: Namespace for assets known by `dagster/table_name` alone, as `postgres://db.example:5432`; or
            one for each kind of storage (`dagster/storage_kind`, else the asset's kinds).
        dagster_url: Base URL of the Dagster UI, for links to runs.
        since: Runs since this time (timezone-aware) are sent on the first start; without it, from the first start on.
        name: The sensor's name.
        interval_seconds: How often it looks for news; the daemon itself looks every 5 seconds at most.
        grace: How long a run that ended with unfinished steps is kept open for late writers.
        max_runtime: After so long without any sign of life a run is taken as dead, and ended as ABORT.
        default_status: Whether the sensor is on by itself.
        monitor_all_code_locations: Send the runs of other code locations too, with what the event log alone knows.
        publish_definitions: Send the asset graph itself as well, whenever the code location is loaded and has changed,
            so that a new asset shows before its first run.
        low_latency: Look several times in each evaluation, so that events leave within some 2 seconds instead of 5.
            Only where the daemon evaluates sensors in threads (`sensors: {use_threads: true}` in dagster.yaml):
            elsewhere it would delay other sensors, and a tick says so.
        policy: Which assets and facets may leave, and how large they may be; by default all, within bounds.
        facets_hook: Gives further facets for a run, job or dataset (see `FacetEntity`). One that raises costs no event.
        parent_facet: `run` makes the Dagster run the parent of its assets' runs. Marquez then renames their jobs.
        sink: Where events go instead, for tests and for backends of your own.

    Raises:
        InvalidName: A namespace that no backend should get.
        ValueError: `url` is no http(s) address, `since` has no timezone, or `parent_facet` is another word.
    """
    if url is not None and not urlsplit(url).netloc:
        raise ValueError(f"url is {url!r}: an address such as http://localhost:5000 is needed.")
    if since is not None and since.tzinfo is None:
        raise ValueError(f"since is {since}, without a timezone: write datetime(…, tzinfo=UTC).")
    policy = policy or EmissionPolicy()
    options = Options(
        namespace=namespace,
        job_suffix=job_suffix,
        table_authority=table_authority,
        dagster_url=dagster_url,
        grace=grace,
        max_runtime=max_runtime,
        policy=policy,
        facets_hook=facets_hook,
        parent_facet=parent_facet,
        environment={name: os.environ[name] for name in policy.environment if name in os.environ},
    )

    def opened() -> Sink:
        from weather_pipeline.lineage.sinks import open_sink

        return sink or open_sink(url, token)

    made = threading.Lock()

    @cache
    def evaluator() -> Evaluator:
        from weather_pipeline.lineage.evaluation import Evaluator

        return Evaluator(
            name=name,
            options=options,
            open_sink=opened,
            since=since,
            monitor_all_code_locations=monitor_all_code_locations,
            publish_definitions=publish_definitions,
            low_latency=low_latency,
        )

    def evaluate(context: dg.SensorEvaluationContext) -> Iterator[dg.SkipReason | DagsterRunReaction]:
        with made:  # the daemon's threads may meet here, and one evaluator is there to tell them apart
            one = evaluator()
        return one(context)

    return OpenLineageSensorDefinition(
        options=options,
        open_sink=opened,
        monitor_all_code_locations=monitor_all_code_locations,
        name=name,
        evaluation_fn=evaluate,
        minimum_interval_seconds=1 if low_latency else max(1, interval_seconds - _EARLY),
        description="Sends every asset run to the lineage backend as OpenLineage events.",
        default_status=default_status,
    )
