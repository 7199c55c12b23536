import pytest

from weather_pipeline.errors import DataError
from weather_pipeline.weather.schema import VARIABLES
from weather_pipeline.weather.units import CONVERSIONS, conversion


@pytest.mark.parametrize(
    ("stored", "received", "value", "expected"),
    [
        ("m/s", "km/h", 36.0, 10.0),
        ("m/s", "mp/h", 1048.36058, 468.6591),
        ("m/s", "kn", 100.0, 51.4444),
        ("m/s", "m/s", 7.5, 7.5),
        ("°C", "°F", 212.0, 100.0),
        ("°C", "°F", -40.0, -40.0),
        ("mm", "inch", 1.0, 25.4),
        ("m", "ft", 1000.0, 304.8),
        ("°C", "K", 293.15, 20.0),
        ("hPa", "Pa", 101325.0, 1013.25),
    ],
)
def test_converts_by_the_definition_of_the_unit(stored: str, received: str, value: float, expected: float) -> None:
    assert conversion(stored, received, variable="x").apply(value) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("stored", "spellings"),
    [
        ("°C", ["Cel", "degC", "degrees Celsius"]),
        ("m/s", ["m.s-1", "m s-1"]),
        ("°", ["deg", "degree", "degrees"]),
    ],
)
def test_a_unit_may_be_spelt_otherwise(stored: str, spellings: list[str]) -> None:
    assert [conversion(stored, spelling, variable="x").apply(7.5) for spelling in spellings] == [7.5] * len(spellings)


def test_an_unknown_unit_is_refused_and_named_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"wind_speed_10m came in the unknown unit 'furlong/h'.*km/h"):
        conversion("m/s", "furlong/h", variable="wind_speed_10m")


def test_every_variable_has_a_unit_that_converts_to_itself() -> None:
    for column in VARIABLES:
        assert CONVERSIONS[str(column.unit)][str(column.unit)].apply(3.5) == 3.5
