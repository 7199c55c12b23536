"""Refused events are kept in Dagster's storage, where exporters that bury and users who drop never lose a letter."""

import json
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest

from weather_pipeline.lineage.dagster_internals import saved_values, store_values
from weather_pipeline.lineage.deadletters import SET, DeadLetters, all_letters, drop
from weather_pipeline.lineage.scope import Scope

pytestmark = pytest.mark.integration

SHOP, STORE = Scope("shop", "__repository__"), Scope("store", "__repository__")


@pytest.fixture
def letters(instance: dg.DagsterInstance) -> DeadLetters:
    return DeadLetters(instance, SHOP, "sensor")


def keys(letters: DeadLetters) -> list[str]:
    return [letter.key for letter in letters.all()]


def test_a_letter_is_kept_replaced_and_dropped(instance: dg.DagsterInstance, letters: DeadLetters) -> None:
    letters.bury("a:start", "HTTP 400", {"eventTime": "2026"})
    letters.bury("b:start", "no name", {"asset": "b"})
    letters.bury("a:start", "HTTP 422", {"eventTime": "2026"}, writer="replay")
    first, second = letters.all()
    assert (first.key, first.reason, first.writer, first.is_event) == ("a:start", "HTTP 422", "replay", True)
    assert (second.key, second.writer, second.is_event) == ("b:start", "sensor", False)
    assert letters.settle(["a:start", "unknown"]) == 1
    assert keys(letters) == ["b:start"]
    letters.bury("a:start", "HTTP 413", {})
    assert keys(letters) == ["b:start", "a:start"]
    assert drop(instance, [first]) == 1
    assert drop(instance, [first]) == 0


def test_exporters_do_not_share_letters(instance: dg.DagsterInstance, letters: DeadLetters) -> None:
    others = [DeadLetters(instance, STORE, "sensor"), DeadLetters(instance, SHOP, "another")]
    for each in (letters, *others):
        each.bury("a:start", "HTTP 400", {})
    assert [each.count() for each in (letters, *others)] == [1, 1, 1]
    assert [(each.location, each.sensor) for each in all_letters(instance)] == [
        ("shop", "sensor"),
        ("store", "sensor"),
        ("shop", "another"),
    ]
    assert letters.settle(["a:start"]) == 1
    assert [each.count() for each in (letters, *others)] == [0, 1, 1]


def test_letters_of_before_exporters_were_told_apart_belong_to_all(
    instance: dg.DagsterInstance, letters: DeadLetters
) -> None:
    name = "6b9a3f3ac2c2f1a9dd4d2c8ba4a3aa70"
    old = {"key": "a:start", "reason": "HTTP 400", "at": "2026-11-01", "event": {}, "writer": "sensor"}
    store_values(instance, {f"{SET}/{name}": json.dumps(old)})
    instance.add_dynamic_partitions(SET, [name])
    other = DeadLetters(instance, STORE, "sensor")
    assert keys(letters) == keys(other) == ["a:start"]
    assert letters.count() == other.count() == 1
    assert drop(instance, other.all()) == 1
    assert keys(letters) == []


def test_a_letter_that_is_listed_can_be_read_whenever_a_writer_dies(
    instance: dg.DagsterInstance, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(instance), "add_dynamic_partitions", dies)
        with pytest.raises(KeyboardInterrupt):
            letters.bury("a:start", "HTTP 400", {})
    assert (letters.count(), keys(letters)) == (0, [])
    letters.bury("a:start", "HTTP 400", {})
    with monkeypatch.context() as patch:
        patch.setattr("weather_pipeline.lineage.deadletters.store_values", dies)
        with pytest.raises(KeyboardInterrupt):
            letters.settle(["a:start"])
    assert (letters.count(), keys(letters)) == (0, [])


def test_a_key_of_any_length_is_kept(instance: dg.DagsterInstance, letters: DeadLetters) -> None:
    letters.bury("é" * 5000, "long", {})
    assert keys(letters) == ["é" * 5000]
    (name,) = instance.get_dynamic_partitions(SET)
    assert len(name) < 128
    assert len(f"{SET}/") + 32 <= 64, "MySQL tells values apart by 64 characters"
    assert saved_values(instance, [f"{SET}/{name}"]) == {}


def test_writers_and_a_user_who_drops_do_not_undo_each_others_work(
    instance: dg.DagsterInstance, letters: DeadLetters
) -> None:
    for number in range(20):
        letters.bury(f"old:{number}", "HTTP 400", {})

    def work(number: int) -> None:
        letters.bury(f"new:{number}", "HTTP 400", {})
        letters.settle([f"old:{number}"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))
    assert sorted(keys(letters)) == sorted(f"new:{number}" for number in range(20))


def test_more_letters_than_one_query_reads(letters: DeadLetters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weather_pipeline.lineage.deadletters._CHUNK", 2)
    for number in range(5):
        letters.bury(str(number), "HTTP 400", {})
    assert keys(letters) == list("01234")
