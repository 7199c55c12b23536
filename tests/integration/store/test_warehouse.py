from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pyarrow as pa
import pytest

from tests.integration.store.observations import HOUR, NEXT, observation, query, table
from weather_pipeline.errors import ConfigurationError, DataError, LoadRejected, StoreUnavailable
from weather_pipeline.stack.postgres import free_port
from weather_pipeline.store.migrate import migrate
from weather_pipeline.store.warehouse import LoadResult, refresh_near_towers, table_counts, upsert_observations
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.towers import TOWERS

pytestmark = pytest.mark.integration

EVERYWHERE = table(*(observation(place.id) for place in LOCATIONS))


def versions(url: str) -> list[tuple[object, ...]]:
    """Each row's version: another one after every write, even of the same values."""
    return query(
        url,
        "SELECT location_id, observed_at, loaded_at, xmin::text, ctid::text FROM weather.observations ORDER BY 1, 2",
    )


def test_rows_arrive_with_their_values_nulls_and_utc(warehouse: str) -> None:
    row = observation(temperature_c=-3.25, wind_gust_ms=None)
    assert upsert_observations(warehouse, table(row)) == LoadResult(1, 1, 0, 0)
    names = ", ".join(row)
    assert query(warehouse, f"SELECT {names} FROM weather.observations") == [tuple(row.values())]


def test_a_rerun_changes_nothing_not_even_the_time_of_loading(warehouse: str) -> None:
    upsert_observations(warehouse, EVERYWHERE, replace_hours=(HOUR, NEXT))
    before = versions(warehouse)
    result = upsert_observations(warehouse, EVERYWHERE, replace_hours=(HOUR, NEXT))
    assert result == LoadResult(received=15, inserted=0, updated=0, deleted=0)
    assert result.unchanged == 15
    assert versions(warehouse) == before


def test_only_changed_rows_are_written(warehouse: str) -> None:
    upsert_observations(warehouse, EVERYWHERE)
    changed = table(observation("utrecht", temperature_c=None), observation("breda"), observation(observed_at=NEXT))
    assert upsert_observations(warehouse, changed) == LoadResult(received=3, inserted=1, updated=1, deleted=0)
    assert query(warehouse, "SELECT location_id FROM weather.observations WHERE temperature_c IS NULL") == [
        ("utrecht",)
    ]


def test_rows_of_replaced_hours_that_are_no_longer_given_go(warehouse: str) -> None:
    upsert_observations(warehouse, table(observation("breda"), observation("utrecht"), observation(observed_at=NEXT)))
    result = upsert_observations(warehouse, table(observation("breda")), replace_hours=(HOUR, NEXT))
    assert result == LoadResult(received=1, inserted=0, updated=0, deleted=1)
    assert query(warehouse, "SELECT location_id FROM weather.observations ORDER BY 1") == [("amsterdam",), ("breda",)]
    assert upsert_observations(warehouse, table(), replace_hours=(HOUR, NEXT)).deleted == 1


def test_batches_are_streamed(warehouse: str) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        for hours in range(50):
            yield from table(*(observation(p.id, HOUR + timedelta(hours=hours)) for p in LOCATIONS)).to_batches()

    assert upsert_observations(warehouse, batches()).inserted == 50 * 15
    assert upsert_observations(warehouse, batches()).unchanged == 50 * 15


def test_an_unknown_place_is_refused_in_the_databases_words_and_nothing_is_loaded(warehouse: str) -> None:
    upsert_observations(warehouse, table(observation("breda")))
    before = versions(warehouse)
    with pytest.raises(LoadRejected) as caught:
        upsert_observations(
            warehouse,
            table(observation("utrecht"), observation("atlantis"), observation("breda", temperature_c=1.0)),
            replace_hours=(HOUR, NEXT),
        )
    assert "violates foreign key constraint" in str(caught.value)
    assert 'Key (location_id)=(atlantis) is not present in table "locations"' in str(caught.value)
    assert versions(warehouse) == before


def test_two_rows_for_one_key_are_refused_and_nothing_is_loaded(warehouse: str) -> None:
    with pytest.raises(LoadRejected, match="second time"):
        upsert_observations(warehouse, table(observation(), observation(temperature_c=6.0)))
    assert versions(warehouse) == []


def test_a_time_that_is_no_hour_is_refused(warehouse: str) -> None:
    with pytest.raises(LoadRejected, match="check constraint"):
        upsert_observations(warehouse, table(observation(observed_at=HOUR + timedelta(minutes=10))))


def test_other_columns_are_no_observations(warehouse: str) -> None:
    with pytest.raises(DataError, match="Observations have the columns"):
        upsert_observations(warehouse, pa.table({"a": [1]}))


def test_a_connection_lost_while_copying_is_transient_and_nothing_is_loaded(warehouse: str) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from EVERYWHERE.to_batches()
        query(
            warehouse,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        yield from table(observation(observed_at=NEXT)).to_batches()

    with pytest.raises(StoreUnavailable):
        upsert_observations(warehouse, batches())
    assert versions(warehouse) == []
    assert upsert_observations(warehouse, EVERYWHERE).inserted == 15


def test_a_server_that_is_away_is_transient() -> None:
    with pytest.raises(StoreUnavailable, match="not available"):
        upsert_observations(f"postgresql://weather:x@127.0.0.1:{free_port()}/weather", EVERYWHERE)


def test_missing_tables_are_a_matter_of_configuration(new_database) -> None:
    with pytest.raises(ConfigurationError, match="migrations"):
        upsert_observations(new_database(), EVERYWHERE)


def test_overlapping_loads_at_the_same_time_do_not_deadlock(warehouse: str) -> None:
    hours = [HOUR + timedelta(hours=6 * index) for index in range(16)]

    def load(number: int) -> LoadResult:
        ordered = hours if number % 2 else list(reversed(hours))
        rows = [observation(p.id, hour, temperature_c=float(number)) for hour in ordered for p in LOCATIONS]
        return upsert_observations(
            warehouse,
            table(*rows[number : len(rows) - number]),
            replace_hours=(hours[0], hours[-1] + timedelta(hours=1)),
        )

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(load, range(16)))
    assert results[0].received == len(hours) * 15
    last = query(warehouse, "SELECT count(DISTINCT temperature_c), count(*) FROM weather.observations")
    assert last[0][0] == 1
    assert last[0][1] in {result.received for result in results}


def test_each_site_gets_its_nearest_place_with_the_distance(warehouse: str) -> None:
    upsert_observations(warehouse, EVERYWHERE)
    assert refresh_near_towers(warehouse, HOUR, NEXT) == len(TOWERS)
    found = dict(query(warehouse, "SELECT tower_id, location_id FROM weather.weather_near_towers"))
    assert found["schiphol"] == "amsterdam"
    assert found["de-bilt"] == "utrecht"
    assert found["vlissingen"] == "middelburg"
    assert found["maastricht-airport"] == "maastricht"
    assert found["lutjewad"] == "groningen"
    distances = dict(query(warehouse, "SELECT tower_id, distance_km FROM weather.weather_near_towers"))
    # De Bilt (52.100 N, 5.180 E) to Utrecht's centre (52.0908 N, 5.1222 E): 1.02 km south, 3.95 km west.
    assert distances["de-bilt"] == pytest.approx(4.08, abs=0.02)


def test_a_place_without_an_observation_gives_way_to_the_next_nearest(warehouse: str) -> None:
    upsert_observations(warehouse, EVERYWHERE)
    refresh_near_towers(warehouse, HOUR, NEXT)
    rest = table(*(observation(place.id) for place in LOCATIONS if place.id != "utrecht"))
    upsert_observations(warehouse, rest, replace_hours=(HOUR, NEXT))
    assert refresh_near_towers(warehouse, HOUR, NEXT) == len(TOWERS)
    [(place,)] = query(warehouse, "SELECT location_id FROM weather.weather_near_towers WHERE tower_id = 'de-bilt'")
    assert place != "utrecht"


def test_refreshing_again_changes_nothing_and_an_emptied_hour_is_emptied(warehouse: str) -> None:
    upsert_observations(warehouse, EVERYWHERE)
    refresh_near_towers(warehouse, HOUR, NEXT)
    statement = "SELECT xmin::text, ctid::text FROM weather.weather_near_towers ORDER BY tower_id"
    before = query(warehouse, statement)
    assert refresh_near_towers(warehouse, HOUR, NEXT) == len(TOWERS)
    assert query(warehouse, statement) == before
    upsert_observations(warehouse, table(), replace_hours=(HOUR, NEXT))
    assert refresh_near_towers(warehouse, HOUR, NEXT) == 0


def test_counts(warehouse: str) -> None:
    upsert_observations(warehouse, EVERYWHERE)
    counts = table_counts(warehouse)
    assert (counts["locations"], counts["towers"], counts["observations"]) == (15, len(TOWERS), 15)
    assert (counts["quarantine"], counts["quality_metrics"], counts["weather_near_towers"]) == (0, 0, 0)


def test_a_load_that_waits_for_a_row_lock_of_a_migration_goes_on(warehouse: str) -> None:
    """Seeding places must not stop a load: the foreign key takes only a key share lock."""
    with psycopg.connect(warehouse) as connection:
        connection.execute("UPDATE weather.locations SET name = 'Damsko' WHERE location_id = 'amsterdam'")
        assert upsert_observations(warehouse, table(observation())).inserted == 1
    migrate(warehouse)
