"""Events that the lineage backend refused for good, counted where the exporter keeps them."""

from __future__ import annotations

import psycopg

from weather_pipeline.doctor.finding import Finding, warning

_QUERY = "SELECT count(*) FROM dynamic_partitions WHERE partitions_def_name = 'openlineage/dead-letters'"
"""Dagster's table where `weather_pipeline.lineage.deadletters` keeps the list; to import that would cost seconds, since
it brings Dagster."""


def count(dagster_database_url: str) -> int | None:
    """How many there are in the storage of a Dagster instance; None where it can't be asked."""
    try:
        with psycopg.connect(dagster_database_url, connect_timeout=4) as connection:
            connection.read_only = True
            row = connection.execute(_QUERY).fetchone()
    except psycopg.Error:
        return None
    return row[0] if row else 0


def judge(number: int | None) -> list[Finding]:
    """What to say of them."""
    if not number:
        return []
    return [
        warning(
            "dead letters",
            f"The backend has refused {number:,} {'event' if number == 1 else 'events'} for good.",
            cause="It took them for invalid; each is kept with the answer in Dagster's storage.",
            remedy="Dagster's log and the ticks of the lineage sensor have each answer: repair what it names.",
        )
    ]
