"""What is past, as SQL: which rows are old, and which runs nothing that is said of the present comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from weather_pipeline.marquez.embedded.database import Connection


@dataclass(frozen=True, slots=True)
class Limit:
    """What counts as old.

    Attributes:
        happened_before: Event times before this moment are old.
        arrived_before: Only what arrived before this moment is old; None: whenever it arrived.
    """

    happened_before: datetime
    arrived_before: datetime | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements here take."""
        return {"happened_before": self.happened_before, "arrived_before": self.arrived_before}


OLD: Final[LiteralString] = """
    {row}.{column} < %(happened_before)s
    AND (%(arrived_before)s::timestamptz IS NULL OR {row}.received_at < %(arrived_before)s)
"""
_OLD_RUN: Final[LiteralString] = OLD.format(row="{run}", column="state_at")

# All but what a job and a dataset show of their last state: a job's newest run, the newest run of its current version,
# whose facets are the job's, and the run that wrote a dataset's current version. A run that never ended goes like the
# others: where it is still under way it is its job's newest.
_PAST_RUN: Final[LiteralString] = """
    {run}.id <> (
        SELECT newest.id FROM runs newest WHERE newest.job_id = {run}.job_id
        ORDER BY newest.state_at DESC, newest.id DESC LIMIT 1
    )
    AND NOT EXISTS (
        SELECT FROM job_versions v JOIN jobs j ON j.id = v.job_id AND j.version_id = v.id
        WHERE v.id = {run}.job_version_id AND v.latest_run_id = {run}.id
    )
    AND NOT EXISTS (
        SELECT FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id AND d.version_id = v.id
        WHERE v.run_id = {run}.id
    )
"""
_STAYS_TEMPLATE: Final[LiteralString] = f"NOT ({_OLD_RUN} AND {_PAST_RUN})"

PAST_RUN: Final[LiteralString] = _PAST_RUN.format(run="t")
"""Nothing that is said of the present comes from the run `t`."""

# A run that another one started has its job named after that one's: so a run stays as long as one that it started, or
# that this one started, and so on. From one that is not old nothing has to be followed: it stays by itself.
_STARTERS_TEMPLATE: Final[LiteralString] = """
    SELECT t.id FROM runs t
    WHERE {old} AND EXISTS (SELECT FROM runs child WHERE child.parent_run_id = t.id AND {child_stays})
    UNION
    SELECT starter.id FROM starters
    JOIN runs run ON run.id = starters.id JOIN runs starter ON starter.id = run.parent_run_id
    WHERE {starter_is_old}
"""
_STARTERS: Final[LiteralString] = _STARTERS_TEMPLATE.format(
    old=_OLD_RUN.format(run="t"),
    child_stays=_STAYS_TEMPLATE.format(run="child"),
    starter_is_old=_OLD_RUN.format(run="starter"),
)

IS_NO_KEPT_STARTER: Final[LiteralString] = "(SELECT s.id FROM pg_temp.kept_starters s WHERE s.id = t.id) IS NULL"
"""The run `t` is none of those in `KeptStarters`. Nothing is known of their table's size: each row is looked up by
itself."""

_CREATE: Final[LiteralString] = "CREATE TEMP TABLE IF NOT EXISTS kept_starters (id uuid PRIMARY KEY)"
_EMPTY: Final[LiteralString] = "TRUNCATE pg_temp.kept_starters"
# A step from a run to its starter looks up two rows. Where each reads the table, the time grows with the square of a
# family's size.
_STEP_BY_STEP: Final[LiteralString] = """
    SELECT set_config(name, 'off', true)
    FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin', 'enable_seqscan']) AS s (name)
"""
_LAST_EVENT: Final[LiteralString] = "SELECT coalesce(max(id), 0) AS id FROM lineage_events"
_KEEP_TEMPLATE: Final[LiteralString] = """
    INSERT INTO pg_temp.kept_starters
    WITH RECURSIVE starters (id) AS ({starters}) SELECT id FROM starters
"""
_KEEP: Final[LiteralString] = _KEEP_TEMPLATE.format(starters=_STARTERS)

# An event makes a run new, gives it a starter, or brings a run that has one. Events get their numbers in the order in
# which they are committed, since one transaction stores at a time.
_KEEP_LATE_TEMPLATE: Final[LiteralString] = """
    WITH RECURSIVE written AS MATERIALIZED (
        SELECT DISTINCT e.run_id AS id FROM lineage_events e WHERE e.id > %(last_event)s AND e.run_id IS NOT NULL
    ), starters (id) AS (
        SELECT run.parent_run_id FROM written JOIN runs run ON run.id = written.id
        WHERE run.parent_run_id IS NOT NULL
          AND ({run_stays} OR EXISTS (SELECT FROM pg_temp.kept_starters known WHERE known.id = run.id))
        UNION
        SELECT run.parent_run_id FROM starters JOIN runs run ON run.id = starters.id
        WHERE run.parent_run_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM pg_temp.kept_starters known WHERE known.id = starters.id)
    ), kept AS (
        INSERT INTO pg_temp.kept_starters SELECT id FROM starters ON CONFLICT DO NOTHING
    )
    SELECT coalesce(max(id), %(last_event)s) AS id FROM lineage_events WHERE id > %(last_event)s
"""
_KEEP_LATE: Final[LiteralString] = _KEEP_LATE_TEMPLATE.format(run_stays=_STAYS_TEMPLATE.format(run="run"))


class KeptStarters:
    """The old runs that stay because of what they started: found once, and again where events have come since.

    They are in a temporary table of the connection, which one turn at a time uses. Use `begun`.
    """

    def __init__(self, connection: Connection, limit: Limit, last_event: int) -> None:
        self._connection = connection
        self._parameters = limit.parameters
        self._last_event = last_event

    @classmethod
    async def begun(cls, connection: Connection, limit: Limit) -> KeptStarters:
        """Find them all.

        Args:
            connection: In autocommit mode.
            limit: What counts as old.
        """
        async with connection.transaction():
            await connection.execute(_CREATE)
            await connection.execute(_EMPTY)
            await connection.execute(_STEP_BY_STEP)
            # Before the others are found: an event that comes meanwhile counts twice, and not never.
            row = await (await connection.execute(_LAST_EVENT)).fetchone()
            await connection.execute(_KEEP, limit.parameters)
        return cls(connection, limit, row["id"] if row else 0)

    async def add_late(self) -> None:
        """Find those of the events that have come since the last time."""
        parameters = {**self._parameters, "last_event": self._last_event}
        row = await (await self._connection.execute(_KEEP_LATE, parameters)).fetchone()
        self._last_event = row["id"] if row else self._last_event
