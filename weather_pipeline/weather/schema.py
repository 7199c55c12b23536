"""The columns of an observation, written once: name, unit, types, meaning, and the variable behind each.

Variables have Open-Meteo's names; every source has its own for them (`sources.catalog`).

DuckDB's SQL, the Arrow schema of silver, Dagster's column schema and the check of PostgreSQL's tables all come from
`OBSERVATIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

TIMESTAMP = "timestamp with time zone"
DOUBLE = "double precision"

_ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "jsonb": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    DOUBLE: pa.float64(),
    TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one table.

    Attributes:
        name: Column name.
        sql_type: Type as PostgreSQL's information_schema names it.
        description: What the value is.
        unit: Unit of the stored value; None where it has none.
        nullable: Whether a row may lack it.
        variable: The hourly variable it comes from, in bronze.
        derived_from: The columns it is computed from, each as `table.column` (for column lineage).
    """

    name: str
    sql_type: str
    description: str
    unit: str | None = None
    nullable: bool = False
    variable: str | None = None
    derived_from: tuple[str, ...] = ()

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type that carries this column."""
        return _ARROW_TYPES[self.sql_type]

    @property
    def described(self) -> str:
        """The description with the unit behind it."""
        return f"{self.description} [{self.unit}]" if self.unit else self.description


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """The Arrow schema of a table's columns."""
    return pa.schema([pa.field(c.name, c.arrow_type, nullable=c.nullable) for c in columns])


def _reading(name: str, unit: str, variable: str, description: str) -> Column:
    return Column(
        name, DOUBLE, description, unit=unit, nullable=True, variable=variable, derived_from=(f"bronze.{variable}",)
    )


VARIABLES: tuple[Column, ...] = (
    _reading("temperature_c", "°C", "temperature_2m", "Air temperature at 2 m"),
    _reading("relative_humidity_pct", "%", "relative_humidity_2m", "Relative humidity at 2 m"),
    _reading("dew_point_c", "°C", "dew_point_2m", "Dew point at 2 m"),
    _reading("wind_speed_ms", "m/s", "wind_speed_10m", "Wind speed at 10 m"),
    _reading("wind_direction_deg", "°", "wind_direction_10m", "Direction the wind at 10 m comes from, clockwise"),
    _reading("wind_gust_ms", "m/s", "wind_gusts_10m", "Strongest gust at 10 m in the preceding hour"),
    _reading("precipitation_mm", "mm", "precipitation", "Precipitation in the preceding hour"),
    _reading("pressure_hpa", "hPa", "pressure_msl", "Air pressure reduced to mean sea level"),
    _reading("visibility_m", "m", "visibility", "Horizontal visibility"),
)
"""The measured columns. Fewer than ten variables, so that a request costs its number of locations and no more."""

OBSERVATIONS: tuple[Column, ...] = (
    Column("location_id", "text", "Place observed, see weather.locations", derived_from=("bronze.location_id",)),
    Column("observed_at", TIMESTAMP, "Hour of the observation, UTC", derived_from=("bronze.time",)),
    *VARIABLES,
    Column(
        "source", "text", "Where the reading came from, as WEATHER_SOURCE names it", derived_from=("bronze.source",)
    ),
)
"""One observation: silver and weather.observations have these columns."""

KEY: tuple[str, str] = ("location_id", "observed_at")
"""What makes an observation unique."""

OBSERVATION_SCHEMA: pa.Schema = arrow_schema(OBSERVATIONS)

VARIABLE_BY_NAME: dict[str, Column] = {column.variable: column for column in VARIABLES if column.variable}
"""Variable → its column."""
