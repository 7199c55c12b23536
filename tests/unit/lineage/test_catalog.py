"""What definitions say of assets, as the exporter reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg
import pytest

from weather_pipeline.lineage.catalog import RepositoryCatalog

HOURS = dg.HourlyPartitionsDefinition("2026-10-25-00:00", timezone="Europe/Amsterdam", end_offset=10)
GERMAN = dg.DailyPartitionsDefinition("01.01.2026", fmt="%d.%m.%Y", end_offset=1000)
GRID = dg.MultiPartitionsDefinition({"country": dg.StaticPartitionsDefinition(["nl", "be"]), "day": GERMAN})
PLACES = dg.MultiPartitionsDefinition(
    {"country": dg.StaticPartitionsDefinition(["nl"]), "kind": dg.StaticPartitionsDefinition(["a"])}
)


def at(*parts: int) -> datetime:
    return datetime(2026, *parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("definition", "keys", "window"),
    [
        (GERMAN, ["02.11.2026"], (at(11, 2), at(11, 3))),
        (GERMAN, ["31.01.2026", "02.02.2026", "01.02.2026"], (at(1, 31), at(2, 3))),
        (GRID, ["nl|31.01.2026", "be|02.02.2026", "nl|01.02.2026"], (at(1, 31), at(2, 3))),
        (HOURS, ["2026-10-25-02:00", "2026-10-25-01:00"], (at(10, 24, 23), at(10, 25, 1))),
        (PLACES, ["nl|a"], None),
        (dg.StaticPartitionsDefinition(["nl"]), ["nl"], None),
    ],
)
def test_the_window_of_partitions(
    definition: dg.PartitionsDefinition, keys: Sequence[str], window: tuple[datetime, datetime] | None
) -> None:
    @dg.asset(partitions_def=definition)
    def a() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        found = RepositoryCatalog(dg.Definitions(assets=[a]).get_repository_def(), instance).window(("a",), keys)
    assert found == window


def test_the_hour_that_a_clock_shows_twice_is_told_apart() -> None:
    @dg.asset(partitions_def=HOURS)
    def a() -> None: ...

    keys = [key for key in HOURS.get_partition_keys() if "2026-10-25-02:00" in key]
    assert len(keys) == 2
    with dg.DagsterInstance.ephemeral() as instance:
        catalog = RepositoryCatalog(dg.Definitions(assets=[a]).get_repository_def(), instance)
        assert catalog.window(("a",), keys) == (at(10, 25, 0), at(10, 25, 2))
        assert {catalog.window(("a",), [key]) for key in keys} == {
            (at(10, 25, 0), at(10, 25, 1)),
            (at(10, 25, 1), at(10, 25, 2)),
        }


def test_only_the_windows_at_the_ends_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    @dg.asset(partitions_def=GERMAN)
    def a() -> None: ...

    asked: list[str] = []
    compute = dg.TimeWindowPartitionsDefinition.time_window_for_partition_key

    def counted(self: dg.TimeWindowPartitionsDefinition, partition_key: str) -> dg.TimeWindow:
        asked.append(partition_key)
        return compute(self, partition_key)

    monkeypatch.setattr(dg.TimeWindowPartitionsDefinition, "time_window_for_partition_key", counted)
    keys = list(GERMAN.get_partition_keys())
    assert len(keys) > 1000
    with dg.DagsterInstance.ephemeral() as instance:
        RepositoryCatalog(dg.Definitions(assets=[a]).get_repository_def(), instance).window(("a",), keys)
    assert asked == [keys[0], keys[-1]]
