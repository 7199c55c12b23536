"""A Spark session whose lineage is told: the one line that a job changes.

::

    spark = SparkSession.builder.appName("MyJob").getOrCreate()    # before
    spark = create_spark_session_with_lineage("MyJob")             # after
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
from py4j.protocol import Py4JJavaError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings, load_settings
from weather_pipeline.spark.failed_actions import watch_actions
from weather_pipeline.spark.interrupt import cancel_beside, interrupt_afterwards
from weather_pipeline.spark.jars import jar_configuration
from weather_pipeline.spark.java import find_spark_java, java_home
from weather_pipeline.spark.listener import (
    JOB_TYPE,
    LISTENER,
    LISTENERS,
    NAMESPACE,
    SOURCE_SYSTEM,
    TARGET_SYSTEM,
    catalog_configuration,
    check_namespace,
    is_tracked,
    listener_configuration,
    merged,
    parent_run,
    with_known_catalogs,
)
from weather_pipeline.spark.spool import begin_session, failures_of
from weather_pipeline.spark.spool_record import Place
from weather_pipeline.spark.transport import REDACTION, SECRETS, choose_transport, to_file

_LOG = logging.getLogger(__name__)

_JOB_TYPES = ("batch", "streaming")


def create_spark_session_with_lineage(
    app_name: str, additional_configs: Mapping[str, Any] | None = None
) -> SparkSession:
    """A Spark session whose reads and writes arrive as OpenLineage events.

    The first one of a process starts Spark's Java, so it must come before any other session. The events go to a file,
    which the stack or `weather lineage spool` delivers: a job never waits for lineage, and never fails because of it.

    Args:
        app_name: The application's name, and that of its OpenLineage job (`MyJob` becomes `my_job`).
        additional_configs: Spark settings of the job's own. They hold where both name the same; listeners and jars are
            added to those that they name.

    Raises:
        ConfigurationError: It would not work, with what to do: a jar is missing, no Java 17 or 21, another line of
            Spark than the jars', a namespace or a parent run that can't be, a session that runs without the listener.
    """
    return session_with_lineage(app_name, additional_configs)


def session_with_lineage(
    app_name: str, additional_configs: Mapping[str, Any] | None = None, *, places: Sequence[Place] = ()
) -> SparkSession:
    """`create_spark_session_with_lineage`, for a job that knows what its datasets are called.

    Args:
        app_name: The application's name.
        additional_configs: Spark settings of the job's own.
        places: Where datasets lie on this machine, and what every producer calls them.

    Raises:
        ConfigurationError: It would not work, with what to do.
    """
    start = _prepared(app_name, additional_configs)
    given = with_known_catalogs(start.given)
    check_namespace(str(given.get(NAMESPACE, start.settings.spark_namespace)))
    if not start.is_tracked:
        _LOG.info("The Spark application %s has no lineage: the settings say so.", app_name)
        return _session(app_name, merged(start.jars, start.given), start.java)
    ours = listener_configuration(start.settings)
    transport = choose_transport(
        app_name, start.settings, given, start.environment, directory=Path.cwd(), user=Path.home()
    )
    ours |= start.jars | catalog_configuration(given) | transport.settings(java_runs=start.java_runs)
    # Before the first event: events without a driver are those of one that was killed.
    lock = _begin(transport.events, app_name, start.settings, places)
    variables = {**start.java, **transport.environment(java_runs=start.java_runs)}
    session = _session(app_name, merged(ours, given), variables, lock=lock)
    if LISTENER not in str(session.sparkContext.getConf().get(LISTENERS, "")):
        raise ConfigurationError(
            "A Spark session without lineage runs in this process already, and a listener can't join it. End it with "
            "spark.stop(), or let create_spark_session_with_lineage make the first one."
        )
    if transport.events is not None:
        watch_actions(session, failures_of(transport.events))
    return session


@dataclass(frozen=True)
class OwnLineageSession:
    """A session whose job tells its lineage itself.

    Attributes:
        spark: The session.
        events: The file in the spool that the job tells it to; None where it is to have none.
    """

    spark: SparkSession
    events: Path | None


def session_with_own_lineage(app_name: str, additional_configs: Mapping[str, Any]) -> OwnLineageSession:
    """A session without the listener, which tells of a streaming query what is not so, and a place in the spool.

    Its Java is in a process group of its own: a signal to the driver's group leaves the micro-batch to the driver.

    Args:
        app_name: The application's name.
        additional_configs: Spark settings of the job's own.

    Raises:
        ConfigurationError: It would not work, with what to do.
    """
    start = _prepared(app_name, additional_configs)
    configuration = merged(start.jars | catalog_configuration(start.given), start.given)
    events = to_file(app_name, start.settings).events if start.is_tracked else None
    lock = _begin(events, app_name, start.settings, ())
    return OwnLineageSession(_session(app_name, configuration, start.java, lock=lock, is_apart=True), events)


@dataclass(frozen=True)
class _Start:
    """What every session starts with.

    Attributes:
        settings: Ours.
        given: Spark settings of the job's own, and the master.
        environment: The environment.
        is_tracked: Whether it is to have lineage.
        jars: Spark's settings of the jars.
        java_runs: Whether this process has a Java already.
        java: The variables that Java must be started with; none where it runs.
    """

    settings: Settings
    given: Mapping[str, Any]
    environment: Mapping[str, str]
    is_tracked: bool
    jars: dict[str, str]
    java_runs: bool
    java: Mapping[str, str]


def _prepared(app_name: str, additional_configs: Mapping[str, Any] | None) -> _Start:
    settings, given, environment = load_settings(), dict(additional_configs or {}), dict(os.environ)
    if settings.spark_master:
        given.setdefault("spark.master", settings.spark_master)
    given.setdefault(REDACTION, SECRETS)  # a login that is set once Java runs stands on Spark's page else
    java_runs = _java_runs()
    return _Start(
        settings,
        given,
        environment,
        is_tracked(app_name, settings, environment),
        jar_configuration(given, settings.effective_spark_jars, spark_version=pyspark.__version__),
        java_runs,
        {} if java_runs else _java_environment(settings, environment),
    )


def _begin(events: Path | None, app_name: str, settings: Settings, places: Sequence[Place]) -> int | None:
    """Begin a session in the spool; the descriptor of its lock, None where it has no events there."""
    if events is None:
        return None
    return begin_session(
        events,
        app_name,
        places=places,
        parent=parent_run(settings),
        launch=settings.spark_launch,
        keeps_parent=settings.lineage_parent_facet is not None,
    )


def add_lineage_metadata(spark: SparkSession, job_type: str, source_system: str, target_system: str) -> None:
    """Say what a job is for: the events that follow carry it in their run facet `spark_properties`.

    Args:
        spark: The session.
        job_type: `batch` or `streaming`.
        source_system: What the job reads from, as `kafka`.
        target_system: What the job writes to, as `iceberg`.

    Raises:
        ConfigurationError: The job type is another, or a system has no name.
    """
    if job_type.lower() not in _JOB_TYPES:
        raise ConfigurationError(f"job_type is {job_type!r}: {' or '.join(_JOB_TYPES)} is needed.")
    if not (source_system.strip() and target_system.strip()):
        raise ConfigurationError("source_system and target_system need a name, as kafka and iceberg.")
    said = {JOB_TYPE: job_type.lower(), SOURCE_SYSTEM: source_system.strip(), TARGET_SYSTEM: target_system.strip()}
    for name, value in said.items():
        spark.conf.set(name, value)  # the listener asks the session for SQL actions,
        spark.sparkContext.setLocalProperty(name, value)  # and the job itself for all others


def _session(
    app_name: str,
    configuration: Mapping[str, Any],
    variables: Mapping[str, str],
    *,
    lock: int | None = None,
    is_apart: bool = False,
) -> SparkSession:
    """Make the session, and start its Java where none runs.

    Args:
        app_name: The application's name.
        configuration: Spark's settings.
        variables: What Java is started with.
        lock: A descriptor that Java inherits: a session is alive until both have ended.
        is_apart: Whether Java gets a process group of its own.
    """
    cancel_beside()
    builder = SparkSession.builder.appName(app_name)
    for name, value in configuration.items():
        builder = builder.config(name, value)
    with _environment(variables):
        try:
            if not _java_runs():
                # PySpark would leave one behind that has half started.
                with interrupt_afterwards("Java starts"):
                    _start_java(app_name, configuration, lock, is_apart=is_apart)
            return builder.getOrCreate()
        except Py4JJavaError as error:
            if "ClassNotFoundException" in str(error) and LISTENER in str(error):
                raise ConfigurationError(_NO_LISTENER) from error
            raise


def _start_java(app_name: str, configuration: Mapping[str, Any], lock: int | None, *, is_apart: bool) -> None:
    conf = pyspark.SparkConf(loadDefaults=False).setAppName(app_name)
    for name, value in configuration.items():
        conf.set(name, str(value).lower() if isinstance(value, bool) else str(value))
    options = {"pass_fds": () if lock is None else (lock,), "start_new_session": is_apart}
    gateway = launch_gateway(conf, popen_kwargs=options)
    pyspark.SparkContext._ensure_initialized(gateway=gateway, conf=conf)  # noqa: SLF001  (there is no other way)


_NO_LISTENER = (
    "Spark's Java runs already and does not have the listener: its class path is fixed when it starts. With "
    'spark-submit add --driver-class-path "$(weather spark jars --class-path)"; elsewhere let '
    "create_spark_session_with_lineage make the first session of the process."
)


def _java_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """What Spark's Java must be started with."""
    java = find_spark_java(environment)
    _LOG.info("Spark runs on Java %d, %s (%s).", java.version, java.origin, java.program)
    return {"JAVA_HOME": str(java_home(java, settings.home.absolute() / "java"))}


def _java_runs() -> bool:
    """Whether this process has a Java already: of an earlier session, or of spark-submit."""
    return getattr(pyspark.SparkContext, "_gateway", None) is not None or "PYSPARK_GATEWAY_PORT" in os.environ


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for what is started meanwhile, and for nothing later."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
