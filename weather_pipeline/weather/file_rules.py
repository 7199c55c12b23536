"""Rules that judge a whole bronze file, from its footer alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from weather_pipeline.errors import DataError
from weather_pipeline.weather.bronze import BRONZE, BronzeFile, UnreadableFile
from weather_pipeline.weather.hours import HOUR
from weather_pipeline.weather.rules import RULES, Kind, Scope
from weather_pipeline.weather.schema import VARIABLES
from weather_pipeline.weather.units import conversion

_NUMBERS = ("double", "float", "halffloat", "int", "uint", "decimal")
_TEXTS = ("string", "large_string", "string_view", "dictionary")


@dataclass(frozen=True, slots=True)
class FileResults:
    """Hour → rule name → failures (0 or 1), and each rule's first failure in words."""

    counts: Mapping[datetime, Mapping[str, int]]
    examples: Mapping[str, str]


def check_files(files: Sequence[BronzeFile | UnreadableFile], hours: Sequence[datetime]) -> FileResults:
    """Judge every hour's file.

    An hour without a file fails `rows_present`, one with a damaged file `readable`; the other rules have nothing to
    judge there.
    """
    by_hour = {file.hour: file for file in files}
    counts: dict[datetime, dict[str, int]] = {}
    examples: dict[str, str] = {}
    for hour in hours:
        file = by_hour.get(hour)
        counts[hour] = {}
        for rule in RULES:
            if rule.scope is not Scope.FILE:
                continue
            if isinstance(file, BronzeFile):
                problem = _CHECKS[rule.kind](file)
            elif file is None and rule.kind is Kind.ROWS_PRESENT:
                problem = f"no bronze file for {hour:%Y-%m-%dT%H:%M}Z"
            elif file is not None and rule.kind is Kind.READABLE:
                problem = file.reason
            else:
                continue
            counts[hour][rule.name] = int(problem is not None)
            if problem is not None:
                examples.setdefault(rule.name, problem)
    return FileResults(counts, examples)


def _rows_present(file: BronzeFile) -> str | None:
    return None if file.rows else f"{file.key} has no rows"


def _required_columns(file: BronzeFile) -> str | None:
    missing = [column.name for column in BRONZE if column.name not in file.columns]
    return f"{file.key} lacks {', '.join(missing)}" if missing else None


def _column_types(file: BronzeFile) -> str | None:
    wrong = []
    for column in BRONZE:
        received = file.columns.get(column.name)
        expected = _TEXTS if column.sql_type == "text" else _NUMBERS
        # A column of nulls only has no type of its own.
        if received is not None and received != "null" and not received.startswith(expected):
            wrong.append(f"{column.name} is {received}, not {expected[0]}")
    return f"{file.key}: {'; '.join(wrong)}" if wrong else None


def _units(file: BronzeFile) -> str | None:
    for column in VARIABLES:
        variable = str(column.variable)
        try:
            conversion(str(column.unit), file.units.get(variable, "(none)"), variable=variable)
        except DataError as error:
            return f"{file.key}: {error}"
    return None


def _hour_complete(file: BronzeFile) -> str | None:
    if file.received_at >= file.hour + HOUR:
        return None
    return f"{file.key} was read at {file.received_at:%Y-%m-%dT%H:%M:%S}Z, before its hour was over: a forecast"


_CHECKS: Mapping[Kind, Callable[[BronzeFile], str | None]] = {
    Kind.READABLE: lambda _: None,  # or it would be no `BronzeFile`
    Kind.ROWS_PRESENT: _rows_present,
    Kind.REQUIRED_COLUMNS: _required_columns,
    Kind.COLUMN_TYPES: _column_types,
    Kind.UNITS: _units,
    Kind.HOUR_COMPLETE: _hour_complete,
}
