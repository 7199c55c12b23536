from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.rules import RULES, Kind, Scope, Severity
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA, OBSERVATIONS, VARIABLES
from weather_pipeline.weather.tables import TABLES
from weather_pipeline.weather.towers import TOWERS

NETHERLANDS = (50.7, 53.7, 3.3, 7.3)
"""South, north, west, east."""


def test_an_observation_has_the_twelve_columns() -> None:
    assert [column.name for column in OBSERVATIONS] == [
        "location_id",
        "observed_at",
        "temperature_c",
        "relative_humidity_pct",
        "dew_point_c",
        "wind_speed_ms",
        "wind_direction_deg",
        "wind_gust_ms",
        "precipitation_mm",
        "pressure_hpa",
        "visibility_m",
        "source",
    ]
    assert str(OBSERVATION_SCHEMA.field("observed_at").type) == "timestamp[us, tz=UTC]"


def test_every_column_is_described_and_names_columns_that_exist_as_its_origin() -> None:
    known = {f"{table}.{column.name}" for table, columns in TABLES.items() for column in columns}
    for columns in TABLES.values():
        for column in columns:
            assert column.description
            for origin in column.derived_from:
                assert origin in known or origin.startswith("source."), origin


def test_places_and_sites_are_in_the_netherlands_and_have_keys_of_their_own() -> None:
    south, north, west, east = NETHERLANDS
    for place in (*LOCATIONS, *TOWERS):
        assert south < place.latitude < north, place
        assert west < place.longitude < east, place
    assert len(LOCATIONS) == len({place.id for place in LOCATIONS}) == 15
    assert len(TOWERS) == len({tower.id for tower in TOWERS})
    assert all(tower.source for tower in TOWERS)


def test_every_variable_has_a_range_with_the_source_of_its_bounds() -> None:
    ranges = {rule.variable: rule for rule in RULES if rule.kind is Kind.RANGE}
    assert set(ranges) == {column.name for column in VARIABLES}
    for column in VARIABLES:
        rule = ranges[column.name]
        assert rule.unit == column.unit
        assert rule.bound_source
        assert rule.low is not None
        assert rule.high is not None
        assert rule.low < rule.high


def test_the_wind_is_bound_by_the_record_gust() -> None:
    bounds = {rule.variable: rule.high for rule in RULES if rule.kind is Kind.RANGE}
    assert bounds["wind_speed_ms"] == bounds["wind_gust_ms"] == 113.2


def test_rule_names_are_unique_and_warnings_neither_quarantine_nor_block() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.quarantines == (rule.scope is Scope.ROW and rule.severity is Severity.ERROR)
        assert not (rule.severity is Severity.WARN and (rule.blocks or rule.quarantines))
