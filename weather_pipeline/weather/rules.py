"""Every quality rule in one typed table.

Bounds are what has been measured on Earth, so that only an impossible reading fails: the World Meteorological
Organization's World Weather and Climate Extremes Archive where it has the quantity, a physical definition elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weather_pipeline.weather.schema import OBSERVATIONS, VARIABLES


class Severity(StrEnum):
    """How bad a failure is."""

    ERROR = "error"
    """A row is quarantined; a file can't be used."""
    WARN = "warn"
    """Reported and counted, nothing else."""


class Scope(StrEnum):
    """What a rule judges."""

    FILE = "file"
    """A whole bronze file (one hour). A failed error blocks what follows."""
    ROW = "row"
    """One reading. A failed error quarantines that row and no other."""


class Kind(StrEnum):
    """How a rule is checked; `quality_sql` has one expression for each."""

    REQUIRED_COLUMNS = "required_columns"
    COLUMN_TYPES = "column_types"
    UNITS = "units"
    READABLE = "readable"
    ROWS_PRESENT = "rows_present"
    HOUR_COMPLETE = "hour_complete"
    TIME_VALID = "time_valid"
    IN_HOUR = "in_hour"
    LOCATION_PRESENT = "location_present"
    READING_PRESENT = "reading_present"
    RANGE = "range"
    NOT_NULL = "not_null"
    UNIQUE = "unique"
    NO_GAP = "no_gap"
    NOT_BELOW = "not_below"


_RECEIVED_AS = {column.name: column.variable for column in OBSERVATIONS}


@dataclass(frozen=True, slots=True)
class Rule:
    """One quality rule.

    Attributes:
        name: Stable name, as in weather.quality_metrics.
        kind: How it is checked.
        scope: What it judges.
        severity: What a failure means.
        description: What must hold.
        variable: The column judged; None where it is the row or file.
        unit: Unit of `low` and `high`.
        low: Smallest accepted value, inclusive.
        high: Largest accepted value, inclusive.
        bound_source: Where the bounds come from.
        other: NOT_BELOW only: the column that `variable` must reach.
        tolerance: NOT_BELOW only: how far below is still accepted, for rounded values.
    """

    name: str
    kind: Kind
    scope: Scope
    severity: Severity
    description: str
    variable: str | None = None
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    bound_source: str | None = None
    other: str | None = None
    tolerance: float = 0.0

    @property
    def received_as(self) -> str | None:
        """The column of bronze that is judged, the name of `variable` there. None where it is the row or file."""
        return _RECEIVED_AS[self.variable] if self.variable else None

    @property
    def quarantines(self) -> bool:
        """Whether a failing row is quarantined."""
        return self.scope is Scope.ROW and self.severity is Severity.ERROR

    @property
    def blocks(self) -> bool:
        """Whether a failure stops what follows."""
        return self.scope is Scope.FILE and self.severity is Severity.ERROR


_WMO = "WMO World Weather and Climate Extremes Archive: "
_WIND = _WMO + "strongest gust 113.2 m/s (253 mph, 220 kn), Barrow Island, Australia, 10 April 1996"

_RANGES: tuple[tuple[str, float, float, str], ...] = (
    (
        "temperature_c",
        -89.2,
        56.7,
        _WMO + "-89.2 °C, Vostok, 21 July 1983; 56.7 °C, Furnace Creek, California, 10 July 1913",
    ),
    ("relative_humidity_pct", 0.0, 100.0, "definition of relative humidity"),
    (
        "dew_point_c",
        -100.0,
        36.0,
        "no WMO record; 35 °C, Dhahran, 8 July 2003, is the highest reported; no frost point of -100 °C was",
    ),
    ("wind_speed_ms", 0.0, 113.2, _WIND),
    ("wind_direction_deg", 0.0, 360.0, "definition of a bearing; 0 is calm or north, 360 is north"),
    ("wind_gust_ms", 0.0, 113.2, _WIND),
    ("precipitation_mm", 0.0, 305.0, _WMO + "greatest rainfall in an hour 305 mm, Holt, Missouri, 22 June 1947"),
    (
        "pressure_hpa",
        870.0,
        1089.4,
        _WMO + "870 hPa, eye of typhoon Tip, 12 October 1979; 1089.4 hPa, Tosontsengel, 30 December 2004",
    ),
    ("visibility_m", 0.0, 300_000.0, "Rayleigh scattering of clean air at sea level ends sight at about 296 km"),
)

_MAY_BE_NULL = {"wind_gust_ms", "wind_direction_deg"}
"""A gust is reported only where the wind gusts, and a calm or variable wind has no direction (METAR practice)."""

_UNIT = {column.name: column.unit for column in VARIABLES}


def _file(name: str, kind: Kind, severity: Severity, description: str) -> Rule:
    return Rule(name, kind, Scope.FILE, severity, description)


def _row(name: str, kind: Kind, severity: Severity, description: str) -> Rule:
    return Rule(name, kind, Scope.ROW, severity, description)


def _range(variable: str, low: float, high: float, bound_source: str) -> Rule:
    unit = _UNIT[variable]
    return Rule(
        f"range_{variable}",
        Kind.RANGE,
        Scope.ROW,
        Severity.ERROR,
        f"{variable} lies within {low:g} and {high:g} {unit}",
        variable,
        unit,
        low,
        high,
        bound_source,
    )


RULES: tuple[Rule, ...] = (
    _file("readable", Kind.READABLE, Severity.ERROR, "the hour's file can be read whole, as it was written"),
    _file("rows_present", Kind.ROWS_PRESENT, Severity.ERROR, "the hour has a bronze file with rows"),
    _file("required_columns", Kind.REQUIRED_COLUMNS, Severity.ERROR, "every column of bronze is there"),
    _file("column_types", Kind.COLUMN_TYPES, Severity.ERROR, "readings are numbers, key and time are text"),
    _file("units", Kind.UNITS, Severity.ERROR, "every variable names a unit that we can convert"),
    _file("hour_complete", Kind.HOUR_COMPLETE, Severity.WARN, "the hour was over when it was read: not a forecast"),
    _row("time_valid", Kind.TIME_VALID, Severity.ERROR, "time is an ISO 8601 hour"),
    _row("in_hour", Kind.IN_HOUR, Severity.ERROR, "the reading belongs to the hour of its file"),
    _row("location_present", Kind.LOCATION_PRESENT, Severity.ERROR, "the reading names its place"),
    _row("reading_present", Kind.READING_PRESENT, Severity.ERROR, "at least one variable has a value"),
    *(_range(*bounds) for bounds in _RANGES),
    *(
        Rule(
            f"not_null_{column.name}",
            Kind.NOT_NULL,
            Scope.ROW,
            Severity.WARN,
            f"{column.name} has a value",
            column.name,
            column.unit,
        )
        for column in VARIABLES
        if column.name not in _MAY_BE_NULL
    ),
    _row("unique", Kind.UNIQUE, Severity.WARN, "each place has one reading for the hour; the last received is kept"),
    _row("no_gap", Kind.NO_GAP, Severity.WARN, "each known place has a reading for the hour"),
    Rule(
        "dew_point_not_above_temperature",
        Kind.NOT_BELOW,
        Scope.ROW,
        Severity.WARN,
        "the dew point does not exceed the air temperature",
        "temperature_c",
        "°C",
        other="dew_point_c",
        tolerance=0.5,
        bound_source="definition of the dew point; 0.5 °C for rounding",
    ),
    Rule(
        "gust_not_below_wind_speed",
        Kind.NOT_BELOW,
        Scope.ROW,
        Severity.WARN,
        "the strongest gust of the hour is not below the mean wind",
        "wind_gust_ms",
        "m/s",
        other="wind_speed_ms",
        tolerance=0.5,
        bound_source="definition of a gust; 0.5 m/s for rounding",
    ),
)
"""All rules. A rule that is added here is evaluated, stored and shown as an asset check with no other change."""

RULE_BY_NAME: dict[str, Rule] = {rule.name: rule for rule in RULES}
