"""Row rules as SQL: every rule's counts for every hour, and the rows to quarantine, in one pass over bronze."""

from __future__ import annotations

from collections.abc import Sequence

from weather_pipeline.weather.bronze import BronzeFile
from weather_pipeline.weather.duck import typed_rows_sql
from weather_pipeline.weather.rules import RULES, Kind, Rule, Scope
from weather_pipeline.weather.schema import VARIABLES

ROW_RULES: tuple[Rule, ...] = tuple(rule for rule in RULES if rule.scope is Scope.ROW)
QUARANTINING: tuple[Rule, ...] = tuple(rule for rule in ROW_RULES if rule.quarantines)

_NO_READING = " AND ".join(f"raw_{column.name} IS NULL" for column in VARIABLES)
_KNOWN_WITH_READING = f"NOT ({_NO_READING}) AND list_contains($locations, location_id)"
_KEYED = "location_id IS NOT NULL AND observed_at IS NOT NULL"


def _fails(rule: Rule) -> str:
    """The condition under which one row fails a rule; false, never NULL, where the rule has nothing to judge."""
    variable = rule.variable
    match rule.kind:
        case Kind.TIME_VALID:
            condition = "observed_at IS NULL"
        case Kind.IN_HOUR:
            condition = "observed_at <> hour"
        case Kind.LOCATION_PRESENT:
            condition = "location_id IS NULL"
        case Kind.READING_PRESENT:
            condition = _NO_READING
        case Kind.RANGE:
            condition = f"{variable} < {rule.low!r} OR {variable} > {rule.high!r}"
        case Kind.NOT_NULL:
            condition = f"raw_{variable} IS NULL"
        case Kind.NOT_BELOW:
            condition = f"{variable} < {rule.other} - {rule.tolerance!r}"
        case _:
            raise AssertionError(f"{rule.kind} is not judged row by row")
    return f"coalesce({condition}, false)"


def _checked_and_failed(rule: Rule) -> tuple[str, str]:
    """Two aggregates: how many rows a rule judged, and how many of them failed."""
    match rule.kind:
        case Kind.UNIQUE:
            return (
                f"count(*) FILTER ({_KEYED})",
                f"count(*) FILTER ({_KEYED}) - count(DISTINCT (location_id, observed_at)) FILTER ({_KEYED})",
            )
        case Kind.NO_GAP:
            found = f"count(DISTINCT location_id) FILTER ({_KNOWN_WITH_READING})"
            return "len($locations)", f"len($locations) - {found}"
        case Kind.RANGE:
            checked = f"count({rule.variable})"
        case Kind.NOT_BELOW:
            checked = f"count({rule.variable} + {rule.other})"
        case _:
            checked = "count(*)"
    return checked, f"count(*) FILTER ({_fails(rule)})"


def hourly_sql(files: Sequence[BronzeFile]) -> str:
    """SQL that gives one row for each hour: `rows`, `bad` and for each row rule `checked_N` and `failed_N`.

    `bad` lists the rows to quarantine as received, with a flag for each quarantining rule. Takes the parameters
    `$paths` and `$locations`; needs `register_files`.
    """
    counts = []
    for index, rule in enumerate(ROW_RULES):
        checked, failed = _checked_and_failed(rule)
        counts += [f"{checked} AS checked_{index}", f"{failed} AS failed_{index}"]
    flags = [f"{_fails(rule)} AS {rule.name}" for rule in QUARANTINING]
    kept = ["key", "row_number", "source", "location_id", "time", "observed_at"]
    kept += [f"{prefix}{column.name}" for column in VARIABLES for prefix in ("raw_", "")]
    kept += [rule.name for rule in QUARANTINING]
    members = ", ".join(f"'{name}': {name}" for name in kept)
    is_bad = " OR ".join(rule.name for rule in QUARANTINING)
    return f"""
    WITH typed AS ({typed_rows_sql(files)}),
    judged AS (SELECT *, {", ".join(flags)} FROM typed)
    SELECT
        hour,
        count(*) AS rows,
        {", ".join(counts)},
        count(*) FILTER ({is_bad}) AS quarantined,
        list({{{members}}} ORDER BY key, row_number) FILTER ({is_bad}) AS bad
    FROM judged
    GROUP BY hour
    ORDER BY hour
    """  # noqa: S608  (every name is a constant of ours)
