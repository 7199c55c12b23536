"""Memory does not grow with rows: the peak of a process of its own, with four times the rows."""

from pathlib import Path

import pytest

from benchmarks.data import write_bronze_hours
from benchmarks.memory import BRONZE_PLACES, LOAD_PLACES, peak_mb
from tests.integration.store.observations import query
from weather_pipeline.store.local import LocalStore
from weather_pipeline.store.migrate import migrate

pytestmark = pytest.mark.integration

ROOM = 1.5
"""What threads and allocators may differ by. In proportion to the rows it would be far more."""


def test_loading(new_database) -> None:
    peaks = []
    for hours in (250, 1000):
        url = new_database()
        migrate(url)
        query(
            url,
            "INSERT INTO weather.locations (location_id, name, latitude, longitude) "
            "SELECT 'place-' || lpad(n::text, 6, '0'), 'a place', 0, 0 FROM generate_series(0, %s) AS n RETURNING 1",
            LOAD_PLACES - 1,
        )
        peaks.append(peak_mb("load", url, hours))
    assert peaks[1] < ROOM * peaks[0]


@pytest.mark.parametrize("kind", ["cleaning", "quality"])
def test_bronze(tmp_path: Path, kind: str) -> None:
    # Fewer rows than two slices of two cleaners would not fill the memory that is allowed.
    write_bronze_hours(LocalStore(tmp_path), 32, BRONZE_PLACES)
    few, many = (peak_mb(kind, str(tmp_path), hours) for hours in (8, 32))
    assert many < ROOM * few
