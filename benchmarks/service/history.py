"""A store with much in it, quickly: what the service stored of a few real events, multiplied by SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg

from weather_pipeline.marquez.embedded.events import Event, Kind
from weather_pipeline.marquez.embedded.identity import dataset_key, job_key

# The copies are older than what is there, by an hour each, so that what is current stays current.
_RUNS = """
    INSERT INTO runs (
        id, job_id, job_order, created_at, updated_at, state, state_at, event_order, started_at, ended_at, ended_job,
        args, job_version_id, facets, job_facets
    )
    SELECT md5(id::text || n)::uuid, job_id, job_order - n * older, created_at - n * step, updated_at - n * step, state,
        state_at - n * step, event_order - n * older, started_at - n * step, ended_at - n * step, ended_job, args,
        job_version_id, facets, job_facets
    FROM runs CROSS JOIN generate_series(1, %(copies)s) AS n
        CROSS JOIN (SELECT interval '1 hour' AS step, %(older)s::bigint AS older) AS apart
"""
_VERSIONS = """
    INSERT INTO dataset_versions (
        id, dataset_id, run_id, fields, lifecycle_state, facets, output_facets, created_at, current_at
    )
    SELECT md5(id::text || n)::uuid, dataset_id, md5(run_id::text || n)::uuid, fields, lifecycle_state, facets,
        output_facets, created_at - n * interval '1 hour', current_at - n * interval '1 hour'
    FROM dataset_versions CROSS JOIN generate_series(1, %(copies)s) AS n WHERE run_id IS NOT NULL
"""
_INPUTS = """
    INSERT INTO run_inputs (run_id, dataset_id, version_id, read_at, facets)
    SELECT md5(run_id::text || n)::uuid, dataset_id, md5(version_id::text || n)::uuid, read_at - n * interval '1 hour',
        facets
    FROM run_inputs CROSS JOIN generate_series(1, %(copies)s) AS n
"""
_EVENTS = """
    INSERT INTO lineage_events (event_at, event_type, run_id, body)
    SELECT event_at - n * interval '1 hour', event_type, md5(run_id::text || n)::uuid, body
    FROM lineage_events CROSS JOIN generate_series(1, %(copies)s) AS n
"""
_JOB = """
    INSERT INTO jobs (
        id, namespace, name, simple_name, type, created_at, updated_at, version_id, version_at, current_inputs
    )
    SELECT %(id)s, namespace, %(name)s, %(name)s, type, created_at, updated_at, version_id, version_at, current_inputs
    FROM jobs WHERE id = %(source)s
"""
_JOB_RUN = """
    INSERT INTO runs (
        id, job_id, job_order, created_at, updated_at, state, state_at, event_order, started_at, ended_at, ended_job,
        args, facets, job_facets
    )
    SELECT md5(%(id)s::text)::uuid, %(id)s, job_order, created_at, updated_at, state, state_at, event_order, started_at,
        ended_at, %(id)s, args, facets, job_facets
    FROM runs WHERE job_id = %(source)s ORDER BY state_at DESC LIMIT 1
"""
_DATASET = """
    WITH version AS (
        INSERT INTO dataset_versions (
            id, dataset_id, run_id, fields, lifecycle_state, facets, output_facets, created_at, current_at
        )
        SELECT gen_random_uuid(), %(id)s, md5(%(job)s::text)::uuid, v.fields, v.lifecycle_state, v.facets,
            v.output_facets, v.created_at, v.current_at
        FROM datasets d JOIN dataset_versions v ON v.id = d.version_id WHERE d.id = %(source)s
        RETURNING id
    )
    INSERT INTO datasets (
        id, namespace, name, physical_name, source_name, type, created_at, updated_at, version_id, version_at,
        is_deleted
    )
    SELECT %(id)s, d.namespace, %(name)s, %(name)s, d.source_name, d.type, d.created_at, d.updated_at, version.id,
        d.version_at, false
    FROM datasets d CROSS JOIN version WHERE d.id = %(source)s
"""

Names = tuple[str, str]
"""Namespace and name."""


def repeat_runs(connection: psycopg.Connection, copies: int) -> None:
    """Let everything that ran have run so many times more, earlier."""
    for statement in (_RUNS, _VERSIONS, _INPUTS, _EVENTS):
        connection.execute(statement.encode(), {"copies": copies, "older": _order_of_an_hour()})
    connection.execute("VACUUM ANALYZE")


def name_again(connection: psycopg.Connection, job: Names, dataset: Names, names: list[str]) -> None:
    """Let there be more jobs like one that is there, each with a run that wrote a dataset of its name."""
    with connection.transaction(), connection.cursor() as cursor:
        jobs = [{"source": job_key(*job), "id": job_key(job[0], name), "name": name} for name in names]
        datasets = [
            {
                "source": dataset_key(*dataset),
                "id": dataset_key(dataset[0], name),
                "job": job_key(job[0], name),
                "name": name,
            }
            for name in names
        ]
        cursor.executemany(_JOB.encode(), jobs)
        cursor.executemany(_JOB_RUN.encode(), jobs)
        cursor.executemany(_DATASET.encode(), datasets)
    connection.execute("VACUUM ANALYZE")


def _order_of_an_hour() -> int:
    """By how much the order of an event grows in an hour."""
    now = datetime.now(UTC)
    earlier, later = (Event(Kind.RUN, "START", at, body="") for at in (now - timedelta(hours=1), now))
    return later.order - earlier.order
