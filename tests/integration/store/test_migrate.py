from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.integration.store.observations import query
from weather_pipeline.errors import ConfigurationError, StoreUnavailable
from weather_pipeline.stack.postgres import free_port
from weather_pipeline.store.migrate import MIGRATIONS, load_migrations, migrate
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.tables import TABLES
from weather_pipeline.weather.towers import TOWERS

pytestmark = pytest.mark.integration

TABLE_NAMES = [table for table in TABLES if table not in ("bronze", "silver")]


def test_each_migration_is_applied_once(new_database: Callable[[], str]) -> None:
    url = new_database()
    names = [migration.name for migration in load_migrations(MIGRATIONS)]
    assert migrate(url) == names
    assert migrate(url) == []
    assert [name for (name,) in query(url, "SELECT name FROM weather.schema_migrations ORDER BY name")] == names


def test_programs_that_start_together_wait_for_each_other(new_database: Callable[[], str]) -> None:
    url = new_database()
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(migrate, [url] * 4))
    assert sorted(map(len, applied)) == [0, 0, 0, len(load_migrations(MIGRATIONS))]


def test_the_schema_has_the_tables_of_the_domain_and_its_own(warehouse: str) -> None:
    found = query(
        warehouse, "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'weather'"
    )
    assert {name for name, kind in found if kind == "BASE TABLE"} == {*TABLE_NAMES, "schema_migrations"}
    assert {name for name, kind in found if kind == "VIEW"} == {"quality_hours", "quality_runs"}


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_a_table_has_the_columns_types_and_nulls_that_the_domain_says(warehouse: str, table: str) -> None:
    found = query(
        warehouse,
        "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns "
        "WHERE table_schema = 'weather' AND table_name = %s ORDER BY ordinal_position",
        table,
    )
    assert found == [(column.name, column.sql_type, column.nullable) for column in TABLES[table]]


def test_places_and_sites_are_seeded_and_put_right_again(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        connection.execute("UPDATE weather.locations SET name = 'x' WHERE location_id = 'amsterdam'")
        connection.execute("DELETE FROM weather.towers WHERE tower_id = 'cabauw'")
    migrate(warehouse)
    places = query(warehouse, "SELECT location_id, name, latitude, longitude FROM weather.locations")
    assert set(places) == {(place.id, place.name, place.latitude, place.longitude) for place in LOCATIONS}
    sites = query(
        warehouse, "SELECT tower_id, name, latitude, longitude, elevation_m, height_m, source FROM weather.towers"
    )
    expected = {(t.id, t.name, t.latitude, t.longitude, t.elevation_m, t.height_m, t.source) for t in TOWERS}
    assert set(sites) == expected


def test_a_migration_that_fails_leaves_nothing(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    (tmp_path / "0001_good.sql").write_text("CREATE TABLE weather.good (a int)")
    (tmp_path / "0002_bad.sql").write_text("CREATE TABLE weather.bad (a int); SELECT nonsense")
    with pytest.raises(ConfigurationError, match="nonsense"):
        migrate(url, directory=tmp_path)
    assert query(url, "SELECT 1 FROM information_schema.schemata WHERE schema_name = 'weather'") == []


def test_a_changed_migration_is_refused(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    for migration in load_migrations(MIGRATIONS):
        (tmp_path / f"{migration.name}.sql").write_text(migration.statements)
    migrate(url, directory=tmp_path)
    with (tmp_path / "0001_weather.sql").open("a") as file:
        file.write("-- changed")
    with pytest.raises(ConfigurationError, match="0001_weather was changed"):
        migrate(url, directory=tmp_path)


def test_a_server_that_is_away_and_a_wrong_password_are_told_apart(warehouse: str) -> None:
    with pytest.raises(StoreUnavailable, match="not available"):
        migrate(f"postgresql://weather:x@127.0.0.1:{free_port()}/weather")
    scheme, _, rest = warehouse.partition("://weather:")
    with pytest.raises(ConfigurationError, match=r"password authentication failed.*WEATHER_DATABASE_URL"):
        migrate(f"{scheme}://weather:wrong@{rest.partition('@')[2]}")
