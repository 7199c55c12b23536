"""The settings of OpenLineage's Spark listener, decided from ours.

The listener reads `spark.openlineage.…` once, when the session starts (io.openlineage.spark.agent.ArgumentParser).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from uuid import UUID, uuid4

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings, variables

LISTENER = "io.openlineage.spark.agent.OpenLineageSparkListener"
LISTENERS = "spark.extraListeners"
NAMESPACE = "spark.openlineage.namespace"
TRANSPORT = "spark.openlineage.transport.type"

JOB_TYPE, SOURCE_SYSTEM, TARGET_SYSTEM = (
    "spark.weather.jobType",
    "spark.weather.sourceSystem",
    "spark.weather.targetSystem",
)
"""What `add_lineage_metadata` sets, and the run facet `spark_properties` brings."""

_CAPTURED = ("spark.master", "spark.app.name", JOB_TYPE, SOURCE_SYSTEM, TARGET_SYSTEM)

_METASTORE = "spark.sql.hive.metastore.uris"
"""The listener's own name for a metastore's address, which it asks for first: Spark and Iceberg know another."""
_JDBC = "org.apache.iceberg.jdbc.JdbcCatalog"
_CATALOG = re.compile(r"spark\.sql\.catalog\.[^.]+")

_NAMESPACE = re.compile(r"[A-Za-z0-9_@+:=;/.-]{1,1024}")
"""What Marquez takes as a namespace."""


@dataclass(frozen=True)
class ParentRun:
    """A run that starts others."""

    namespace: str
    job: str
    run_id: str


def is_tracked(app_name: str, settings: Settings, environment: Mapping[str, str]) -> bool:
    """Whether an application is to have lineage: OPENLINEAGE_DISABLED and WEATHER_SPARK_LINEAGE_OFF say no."""
    if environment.get("OPENLINEAGE_DISABLED", "").lower() == "true":
        return False
    return not any(fnmatchcase(app_name, pattern) for pattern in settings.spark_lineage_off or ())


def listener_configuration(settings: Settings) -> dict[str, str]:
    """The settings of the listener, all but its transport.

    Raises:
        ConfigurationError: A parent in the environment is none.
    """
    return {
        LISTENERS: LISTENER,
        NAMESPACE: settings.spark_namespace,
        "spark.openlineage.capturedProperties": ",".join(_CAPTURED),
        "spark.openlineage.facets.debug.disabled": str(not settings.spark_debug_facet).lower(),
        **parent_configuration(settings),
    }


def parent_configuration(settings: Settings) -> dict[str, str]:
    """The settings that make the application's run a child of the run that starts it; none where none is named.

    Raises:
        ConfigurationError: What is named is no run; or a root is, and no parent.
    """
    parent, root = parent_run(settings), _run(settings, "spark_root_parent")
    if parent is None:
        if root is not None:
            raise ConfigurationError(
                "OPENLINEAGE_ROOT_PARENT_ID is set, and OPENLINEAGE_PARENT_ID is not. Set both, or the second alone."
            )
        return {}
    root = root or parent
    return {
        "spark.openlineage.parentJobNamespace": parent.namespace,
        "spark.openlineage.parentJobName": parent.job,
        "spark.openlineage.parentRunId": parent.run_id,
        "spark.openlineage.rootParentJobNamespace": root.namespace,
        "spark.openlineage.rootParentJobName": root.job,
        "spark.openlineage.rootParentRunId": root.run_id,
    }


def parent_run(settings: Settings) -> ParentRun | None:
    """The run that starts this application, where one is named.

    Raises:
        ConfigurationError: What is named is no run.
    """
    return _run(settings, "spark_parent")


def catalog_configuration(given: Mapping[str, object]) -> dict[str, str]:
    """Settings that keep Iceberg's catalogs from remembering tables.

    The listener loads tables beside the job. What it loaded before a write may else be what the job reads after it:
    none of the rows that it has just written.
    """
    return {f"{name}.cache-enabled": "false" for name in _iceberg_catalogs(given)}


def with_known_catalogs(given: Mapping[str, object]) -> dict[str, object]:
    """The settings, with each of Iceberg's JDBC catalogs written as the listener can take it.

    It drops every table of a catalog whose type it reads as `jdbc` (OpenLineage issue 4677). Iceberg takes its keys in
    any case, the listener in lower case only: in upper case it takes the catalog for Hive's, of which it wants to know
    the metastore's address, and finds the tables by their metadata.
    """
    known = dict(given)
    for name in _iceberg_catalogs(given):
        if str(given.get(f"{name}.type", "")).lower() != "jdbc" and given.get(f"{name}.catalog-impl") != _JDBC:
            continue
        for key in ("type", "catalog-impl"):
            known.pop(f"{name}.{key}", None)
        known[f"{name}.TYPE"] = "jdbc"
        if (uri := known.pop(f"{name}.uri", None)) is not None:
            known[f"{name}.URI"] = uri
        known.setdefault(_METASTORE, f"thrift://{name.rpartition('.')[2]}-catalog:0")
    return known


def _iceberg_catalogs(given: Mapping[str, object]) -> list[str]:
    """The settings that name a catalog of Iceberg's, as `spark.sql.catalog.demo`."""
    return [
        name
        for name, value in given.items()
        if _CATALOG.fullmatch(name) and str(value).startswith("org.apache.iceberg.spark.")
    ]


def check_namespace(name: str) -> None:
    """Refuse a namespace that Marquez would choke on.

    Raises:
        ConfigurationError: It is one.
    """
    if not _NAMESPACE.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} can't be the OpenLineage namespace of Spark jobs: letters, digits and _@+:=;/.- alone, at most "
            f"1024 of them. WEATHER_SPARK_NAMESPACE or {NAMESPACE} names it."
        )


def merged(ours: Mapping[str, str], given: Mapping[str, object]) -> dict[str, object]:
    """Both settings: where both name the same, the given ones hold, and lists get ours added.

    Args:
        ours: Settings for the listener and its jars.
        given: What the job asks for.
    """
    together: dict[str, object] = {**ours, **given}
    for name, separator in ((LISTENERS, ","), ("spark.jars", ","), ("spark.driver.extraClassPath", ":")):
        theirs, added = str(given.get(name, "")).strip(), ours.get(name, "")
        if added and added not in theirs:
            together[name] = separator.join(filter(None, (theirs, added)))
    return together


def events_file_name(app_name: str) -> str:
    """A file's name for the events of one session, never the same again."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', app_name).strip('.') or 'spark'}-{uuid4()}.ndjson"


def _run(settings: Settings, field: str) -> ParentRun | None:
    value = getattr(settings, field)
    if value is None:
        return None
    # A namespace may hold slashes; a job of ours holds none.
    namespace, job, run_id = ("", "", *value.rsplit("/", 2))[-3:]
    if not (namespace and job and _is_uuid(run_id)):
        raise ConfigurationError(
            f"{variables(field)[0]} should be NAMESPACE/JOB/RUN-ID with a UUID at its end. It is {value!r}."
        )
    return ParentRun(namespace, job, run_id)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
