import functools
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pyarrow as pa
import pytest

from tests.integration.store.observations import HOUR, NEXT, observation, query, table
from weather_pipeline.errors import ConfigurationError, DataError, LoadRejected, StoreUnavailable
from weather_pipeline.stack.postgres import free_port
from weather_pipeline.store.copying import binary_session, csv_session, fastest_session
from weather_pipeline.store.migrate import migrate
from weather_pipeline.store.warehouse import LoadResult, refresh_near_towers, table_counts, upsert_observations
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.towers import TOWERS

pytestmark = pytest.mark.integration

EVERYWHERE = table(*(observation(place.id) for place in LOCATIONS))


Load = Callable[..., LoadResult]


@pytest.fixture(params=[binary_session, csv_session])
def load(request: pytest.FixtureRequest) -> Load:
    """`upsert_observations` by each way of copying."""
    return functools.partial(upsert_observations, open_session=request.param)


def versions(url: str) -> list[tuple[object, ...]]:
    """Each row's version: another one after every write, even of the same values."""
    return query(
        url,
        "SELECT location_id, observed_at, loaded_at, xmin::text, ctid::text FROM weather.observations ORDER BY 1, 2",
    )


def test_rows_arrive_with_their_values_nulls_and_utc(warehouse: str, load: Load) -> None:
    row = observation(temperature_c=-3.25, wind_gust_ms=None)
    assert load(warehouse, table(row)) == LoadResult(1, 1, 0, 0)
    names = ", ".join(row)
    assert query(warehouse, f"SELECT {names} FROM weather.observations") == [tuple(row.values())]


def test_a_rerun_changes_nothing_not_even_the_time_of_loading(warehouse: str, load: Load) -> None:
    load(warehouse, EVERYWHERE, replace_hours=(HOUR, NEXT))
    before = versions(warehouse)
    result = load(warehouse, EVERYWHERE, replace_hours=(HOUR, NEXT))
    assert result == LoadResult(received=15, inserted=0, updated=0, deleted=0)
    assert result.unchanged == 15
    assert versions(warehouse) == before


def test_only_changed_rows_are_written(warehouse: str, load: Load) -> None:
    load(warehouse, EVERYWHERE)
    changed = table(observation("utrecht", temperature_c=None), observation("breda"), observation(observed_at=NEXT))
    assert load(warehouse, changed) == LoadResult(received=3, inserted=1, updated=1, deleted=0)
    assert query(warehouse, "SELECT location_id FROM weather.observations WHERE temperature_c IS NULL") == [
        ("utrecht",)
    ]


def test_rows_of_replaced_hours_that_are_no_longer_given_go(warehouse: str, load: Load) -> None:
    load(warehouse, table(observation("breda"), observation("utrecht"), observation(observed_at=NEXT)))
    result = load(warehouse, table(observation("breda")), replace_hours=(HOUR, NEXT))
    assert result == LoadResult(received=1, inserted=0, updated=0, deleted=1)
    assert query(warehouse, "SELECT location_id FROM weather.observations ORDER BY 1") == [("amsterdam",), ("breda",)]
    assert load(warehouse, table(), replace_hours=(HOUR, NEXT)).deleted == 1


def test_batches_are_streamed(warehouse: str, load: Load) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        for hours in range(50):
            yield from table(*(observation(p.id, HOUR + timedelta(hours=hours)) for p in LOCATIONS)).to_batches()

    assert load(warehouse, batches()).inserted == 50 * 15
    assert load(warehouse, batches()).unchanged == 50 * 15


def test_an_unknown_place_is_refused_in_the_databases_words_and_nothing_is_loaded(warehouse: str, load: Load) -> None:
    load(warehouse, table(observation("breda")))
    before = versions(warehouse)
    with pytest.raises(LoadRejected) as caught:
        load(
            warehouse,
            table(observation("utrecht"), observation("atlantis"), observation("breda", temperature_c=1.0)),
            replace_hours=(HOUR, NEXT),
        )
    assert "violates foreign key constraint" in str(caught.value)
    assert 'Key (location_id)=(atlantis) is not present in table "locations"' in str(caught.value)
    assert versions(warehouse) == before


def test_two_rows_for_one_key_are_refused_and_nothing_is_loaded(warehouse: str, load: Load) -> None:
    for replaced in (None, (HOUR, NEXT)):
        with pytest.raises(LoadRejected, match=r"\(amsterdam, 2026-02-12 08:00:00\+00\) already exists"):
            load(warehouse, table(observation(), observation(temperature_c=6.0)), replace_hours=replaced)
        assert versions(warehouse) == []
    load(warehouse, table(observation()))
    with pytest.raises(LoadRejected, match="second time"):
        load(warehouse, table(observation(temperature_c=6.0), observation(temperature_c=7.0)))


def test_a_time_that_is_no_hour_is_refused(warehouse: str, load: Load) -> None:
    with pytest.raises(LoadRejected, match="check constraint"):
        load(warehouse, table(observation(observed_at=HOUR + timedelta(minutes=10))))


def test_other_columns_are_no_observations(warehouse: str, load: Load) -> None:
    with pytest.raises(DataError, match="Observations have the columns"):
        load(warehouse, pa.table({"a": [1]}))


def test_rows_outside_of_the_replaced_hours_are_refused(warehouse: str, load: Load) -> None:
    rows = table(observation(), observation(observed_at=NEXT))
    with pytest.raises(DataError, match=r"2026-02-12T09:00:00\+00:00 does not belong to the hours that are replaced"):
        load(warehouse, rows, replace_hours=(HOUR, NEXT))
    assert versions(warehouse) == []


def test_nothing_given_changes_nothing(warehouse: str, load: Load) -> None:
    load(warehouse, EVERYWHERE)
    before = versions(warehouse)
    assert load(warehouse, table()) == LoadResult(0, 0, 0, 0)
    assert load(warehouse, table(), replace_hours=(NEXT, NEXT + timedelta(hours=1))) == LoadResult(0, 0, 0, 0)
    assert versions(warehouse) == before


def test_both_ways_of_copying_store_the_very_same_values(warehouse: str) -> None:
    odd = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), None]
    rows = [observation(observed_at=HOUR + timedelta(hours=n), visibility_m=value) for n, value in enumerate(odd)]
    texts = ["", 'a "quoted", text', "line\nbreak", "\\N", "°", "NULL"]
    data = table(*({**row, "source": text} for row, text in zip(rows, texts, strict=True)))
    for way in (binary_session, csv_session):
        upsert_observations(warehouse, data, open_session=way)
        found = query(warehouse, "SELECT visibility_m, source FROM weather.observations ORDER BY observed_at")
        assert found == list(zip(odd, texts, strict=True))
        # The other way finds nothing to change.
        other = csv_session if way is binary_session else binary_session
        assert upsert_observations(warehouse, data, open_session=other).unchanged == len(odd)
        query(warehouse, "DELETE FROM weather.observations RETURNING 1")


def test_binary_is_taken_where_pgpq_is_installed_and_csv_where_not(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def driver() -> str:
        with fastest_session(warehouse) as session:
            session.cursor.execute(b"SELECT 1")
            return type(session.cursor).__module__.partition(".")[0]

    assert driver() == "psycopg"
    monkeypatch.setitem(sys.modules, "pgpq", None)
    assert driver() == "psycopg2"
    assert upsert_observations(warehouse, EVERYWHERE).inserted == 15
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(ConfigurationError, match="needs pgpq or psycopg2"):
        upsert_observations(warehouse, EVERYWHERE)


def test_a_connection_lost_while_copying_is_transient_and_nothing_is_loaded(warehouse: str, load: Load) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from EVERYWHERE.to_batches()
        query(
            warehouse,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        yield from table(observation(observed_at=NEXT)).to_batches()

    with pytest.raises(StoreUnavailable):
        load(warehouse, batches())
    assert versions(warehouse) == []
    assert load(warehouse, EVERYWHERE).inserted == 15


def test_a_server_that_is_away_is_transient(load: Load) -> None:
    with pytest.raises(StoreUnavailable, match="not available"):
        load(f"postgresql://weather:x@127.0.0.1:{free_port()}/weather", EVERYWHERE)


def test_missing_tables_are_a_matter_of_configuration(new_database, load: Load) -> None:
    with pytest.raises(ConfigurationError, match="migrations"):
        load(new_database(), EVERYWHERE)


def test_overlapping_loads_at_the_same_time_do_not_deadlock(warehouse: str, load: Load) -> None:
    hours = [HOUR + timedelta(hours=6 * index) for index in range(16)]

    def load_hours(number: int) -> LoadResult:
        ordered = hours if number % 2 else list(reversed(hours))
        rows = [observation(p.id, hour, temperature_c=float(number)) for hour in ordered for p in LOCATIONS]
        return load(
            warehouse,
            table(*rows[number : len(rows) - number]),
            replace_hours=(hours[0], hours[-1] + timedelta(hours=1)),
        )

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(load_hours, range(16)))
    assert results[0].received == len(hours) * 15
    last = query(warehouse, "SELECT count(DISTINCT temperature_c), count(*) FROM weather.observations")
    assert last[0][0] == 1
    assert last[0][1] in {result.received for result in results}


@pytest.mark.parametrize("loaded_before", [False, True])
def test_the_load_that_reads_its_rows_last_is_the_one_that_stays(
    warehouse: str, load: Load, loaded_before: bool
) -> None:
    """Rows are read when all others have finished with these days: what was read early could be older than theirs."""
    if loaded_before:
        load(warehouse, EVERYWHERE, replace_hours=(HOUR, NEXT))
    newer = table(observation(temperature_c=22.0))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    with ThreadPoolExecutor(1) as pool:
        others: list[Future[LoadResult]] = []

        def older() -> Iterator[pa.RecordBatch]:
            others.append(pool.submit(load, warehouse, newer, replace_hours=(HOUR, NEXT)))
            while query(warehouse, waiting) == [(0,)] and not others[0].done():
                time.sleep(0.01)
            yield from table(observation(temperature_c=11.0)).to_batches()

        load(warehouse, older(), replace_hours=(HOUR, NEXT))
        others[0].result()

    assert query(warehouse, "SELECT temperature_c FROM weather.observations") == [(22.0,)]


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


def test_a_load_that_waits_for_a_row_lock_of_a_migration_goes_on(warehouse: str, load: Load) -> None:
    """Seeding places must not stop a load: the foreign key takes only a key share lock."""
    with psycopg.connect(warehouse) as connection:
        connection.execute("UPDATE weather.locations SET name = 'Damsko' WHERE location_id = 'amsterdam'")
        assert load(warehouse, table(observation())).inserted == 1
    migrate(warehouse)
