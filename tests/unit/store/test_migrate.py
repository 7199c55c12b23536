import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.store.migrate import MIGRATIONS, Migration, load_migrations, pending

ONE, TWO = Migration("0001_one", "SELECT 1"), Migration("0002_two", "SELECT 2")


def test_the_ones_not_applied_are_pending_in_order() -> None:
    assert pending([ONE, TWO], {}) == [ONE, TWO]
    assert pending([ONE, TWO], {"0001_one": ONE.checksum}) == [TWO]


def test_a_changed_migration_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="0001_one was changed"):
        pending([Migration("0001_one", "SELECT 3")], {"0001_one": ONE.checksum})


def test_a_database_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="0002_two, unknown here"):
        pending([ONE], {"0001_one": ONE.checksum, "0002_two": TWO.checksum})


def test_the_package_has_numbered_migrations_without_gaps() -> None:
    names = [migration.name for migration in load_migrations(MIGRATIONS)]
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
