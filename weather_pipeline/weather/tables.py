"""The columns of every table and file set of the weather platform.

Migrations create the tables; a test holds both against each other. Dagster's column schemas and column lineage are
these.
"""

from __future__ import annotations

from collections.abc import Mapping

from weather_pipeline.weather.bronze import BRONZE
from weather_pipeline.weather.schema import DOUBLE, OBSERVATIONS, TIMESTAMP, VARIABLES, Column

LOCATIONS_TABLE: tuple[Column, ...] = (
    Column("location_id", "text", "Place, stable key"),
    Column("name", "text", "Name for people"),
    Column("latitude", DOUBLE, "Degrees north, WGS 84", "°"),
    Column("longitude", DOUBLE, "Degrees east, WGS 84", "°"),
)

TOWERS_TABLE: tuple[Column, ...] = (
    Column("tower_id", "text", "Measuring site, stable key"),
    Column("name", "text", "Name for people"),
    Column("latitude", DOUBLE, "Degrees north, WGS 84", "°"),
    Column("longitude", DOUBLE, "Degrees east, WGS 84", "°"),
    Column("elevation_m", DOUBLE, "Height of the site above mean sea level", "m"),
    Column("height_m", DOUBLE, "Height of the tower or mast above ground, where its source gives one", "m", True),
    Column("source", "text", "Where these facts come from"),
)

OBSERVATIONS_TABLE: tuple[Column, ...] = (
    *(
        Column(c.name, c.sql_type, c.description, c.unit, c.nullable, c.variable, (f"silver.{c.name}",))
        for c in OBSERVATIONS
    ),
    Column("loaded_at", TIMESTAMP, "When the row was last written by a load that changed it"),
)

QUALITY_METRICS: tuple[Column, ...] = (
    Column("run_id", "text", "Run that judged the hour"),
    Column("hour", TIMESTAMP, "Hour judged, UTC", derived_from=("bronze.time",)),
    Column("rule", "text", "Rule, or `overall` for the hour as a whole"),
    Column("severity", "text", "error or warn; error for `overall`"),
    Column("rows_checked", "bigint", "Rows (or files) judged", derived_from=("bronze.location_id",)),
    Column("rows_failed", "bigint", "Rows (or files) that failed; quarantined rows for `overall`"),
    Column("passed", "boolean", "Whether nothing failed"),
    Column("score", DOUBLE, "Share that passed, from 0 to 1", "1"),
    Column("evaluated_at", TIMESTAMP, "When the hour was judged"),
    Column("dataset", "text", "What was judged: a layer of the lake, such as bronze/weather"),
)

QUARANTINE: tuple[Column, ...] = (
    Column("hour", TIMESTAMP, "Hour of the bronze file, UTC", derived_from=("bronze.time",)),
    Column("bronze_key", "text", "Bronze file that holds the row"),
    Column("row_number", "bigint", "Row in that file, from 0"),
    Column("rule", "text", "Rule that the row failed"),
    Column("location_id", "text", "Place as received", nullable=True, derived_from=("bronze.location_id",)),
    Column("observed_at", TIMESTAMP, "Time as received, where valid", nullable=True, derived_from=("bronze.time",)),
    Column("variable", "text", "Variable that failed, as bronze names it; null where the row did", nullable=True),
    Column(
        "received",
        DOUBLE,
        "Value as received",
        nullable=True,
        derived_from=tuple(f"bronze.{column.variable}" for column in VARIABLES),
    ),
    Column("unit", "text", "Unit of the value as received", nullable=True),
    Column("reason", "text", "Why, in words: variable, value, bound and its source"),
    Column("payload", "jsonb", "The row as received"),
    Column("source", "text", "Where the reading came from", derived_from=("bronze.source",)),
)

QUARANTINE_HOURS: tuple[Column, ...] = (
    Column("hour", TIMESTAMP, "Hour judged, UTC", derived_from=("bronze.time",)),
    Column("bronze_key", "text", "Bronze file that was judged"),
    Column("bronze_checksum", "text", "SHA-256 of that file: the quarantine's row numbers belong to this content"),
)

_NEAR_READINGS = (
    "temperature_c",
    "wind_speed_ms",
    "wind_direction_deg",
    "wind_gust_ms",
    "pressure_hpa",
    "visibility_m",
)

NEAR_TOWERS: tuple[Column, ...] = (
    Column("tower_id", "text", "Measuring site", derived_from=("towers.tower_id",)),
    Column("observed_at", TIMESTAMP, "Hour of the observation, UTC", derived_from=("observations.observed_at",)),
    Column(
        "location_id",
        "text",
        "Nearest place with an observation in that hour",
        derived_from=("observations.location_id",),
    ),
    Column(
        "distance_km",
        DOUBLE,
        "Great-circle distance from the site to the place",
        "km",
        derived_from=("towers.latitude", "towers.longitude", "observations.location_id"),
    ),
    *(
        Column(c.name, c.sql_type, c.description, c.unit, c.nullable, c.variable, (f"observations.{c.name}",))
        for c in VARIABLES
        if c.name in _NEAR_READINGS
    ),
)

TABLES: Mapping[str, tuple[Column, ...]] = {
    "bronze": BRONZE,
    "silver": OBSERVATIONS,
    "locations": LOCATIONS_TABLE,
    "towers": TOWERS_TABLE,
    "observations": OBSERVATIONS_TABLE,
    "quality_metrics": QUALITY_METRICS,
    "quarantine": QUARANTINE,
    "quarantine_hours": QUARANTINE_HOURS,
    "weather_near_towers": NEAR_TOWERS,
}
"""Short name of a dataset → its columns. `derived_from` uses these names, and `source` for what is asked over HTTP."""
