"""Refused events are kept in Dagster's storage, where exporters that bury and users who drop never lose a letter."""

from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest

from weather_pipeline.lineage.deadletters import bury, dead_letters, drop

pytestmark = pytest.mark.integration


def keys(instance: dg.DagsterInstance) -> list[str]:
    return [letter.key for letter in dead_letters(instance)]


def test_a_letter_is_kept_replaced_and_dropped(instance: dg.DagsterInstance) -> None:
    bury(instance, "a:start", "HTTP 400", {"eventTime": "2026"}, writer="sensor")
    bury(instance, "b:start", "no name", {"asset": "b"})
    bury(instance, "a:start", "HTTP 422", {"eventTime": "2026"}, writer="sensor")
    first, second = dead_letters(instance)
    assert (first.key, first.reason, first.writer, first.is_event) == ("a:start", "HTTP 422", "sensor", True)
    assert (second.key, second.is_event) == ("b:start", False)
    assert drop(instance, ["a:start", "unknown"]) == 1
    assert keys(instance) == ["b:start"]
    bury(instance, "a:start", "HTTP 413", {})
    assert keys(instance) == ["b:start", "a:start"]


def test_a_key_of_any_length_is_kept(instance: dg.DagsterInstance) -> None:
    bury(instance, "é" * 5000, "long", {})
    assert keys(instance) == ["é" * 5000]


def test_writers_and_a_user_who_drops_do_not_undo_each_others_work(instance: dg.DagsterInstance) -> None:
    for number in range(20):
        bury(instance, f"old:{number}", "HTTP 400", {})

    def work(number: int) -> None:
        bury(instance, f"new:{number}", "HTTP 400", {}, writer=str(number % 3))
        drop(instance, [f"old:{number}"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))
    assert sorted(keys(instance)) == sorted(f"new:{number}" for number in range(20))


def test_more_letters_than_one_query_reads(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weather_pipeline.lineage.deadletters._CHUNK", 2)
    for number in range(5):
        bury(instance, str(number), "HTTP 400", {})
    assert keys(instance) == list("01234")
