"""Keys in the lake."""

from datetime import UTC, datetime

import pytest

from weather_pipeline.weather.layout import bronze_key, silver_hour, silver_key

HOUR = datetime(2026, 2, 12, 8, tzinfo=UTC)


def test_an_hour_has_one_key_in_each_layer() -> None:
    assert bronze_key(HOUR) == "bronze/weather/2026/02/12/08/weather_20260212T0800Z.parquet"
    assert silver_key(HOUR) == "silver/weather/2026/02/12/weather_clean_20260212T0800Z.parquet"


@pytest.mark.parametrize(
    ("key", "hour"),
    [
        (silver_key(HOUR), HOUR),
        (bronze_key(HOUR), None),
        ("silver/weather/2026/02/12/notes.parquet", None),
        ("silver/weather/2026/02/13/weather_clean_20260212T0800Z.parquet", None),
        ("silver/weather/2026/02/12/weather_clean_20260212T0830Z.parquet", None),
    ],
)
def test_the_hour_of_silver_s_file_is_in_its_key(key: str, hour: datetime | None) -> None:
    assert silver_hour(key) == hour
