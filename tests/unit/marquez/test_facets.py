"""How facets and times are stored and shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from weather_pipeline.marquez.embedded.facets import clean, format_instant, format_zoned, shown, stored
from weather_pipeline.marquez.embedded.history import present

_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "instant", "zoned"),
    [
        (_NOON, "2026-03-01T12:00:00Z", "2026-03-01T12:00Z[UTC]"),
        (_NOON + timedelta(seconds=5), "2026-03-01T12:00:05Z", "2026-03-01T12:00:05Z[UTC]"),
        (_NOON + timedelta(milliseconds=120), "2026-03-01T12:00:00.120Z", "2026-03-01T12:00:00.120Z[UTC]"),
        (_NOON + timedelta(microseconds=7), "2026-03-01T12:00:00.000007Z", "2026-03-01T12:00:00.000007Z[UTC]"),
        (_NOON.astimezone(timezone(timedelta(hours=1))), "2026-03-01T12:00:00Z", "2026-03-01T12:00Z[UTC]"),
        (datetime(7, 1, 1, tzinfo=UTC), "0007-01-01T00:00:00Z", "0007-01-01T00:00Z[UTC]"),
    ],
)
def test_times_as_java_writes_them(moment: datetime, instant: str, zoned: str) -> None:
    assert (format_instant(moment), format_zoned(moment)) == (instant, zoned)


def test_null_members_disappear_at_any_depth() -> None:
    assert clean({"a": None, "b": {"c": None, "d": [{"e": None, "f": ""}]}}) == {"b": {"d": [{"f": ""}]}}


@pytest.mark.parametrize(
    ("kind", "part"),
    [("RunEvent", "dataset"), ("JobEvent", "run"), ("DatasetEvent", "job"), ("DatasetEvent", "inputs")],
)
@pytest.mark.parametrize("odd", [5, [1], {"facets": {"nominalTime": {"nominalStartTime": "x"}}}], ids=str)
def test_a_member_of_another_kind_of_event_is_not_shown(kind: str, part: str, odd: object) -> None:
    event = {"eventTime": "2026-03-01T13:00:00Z", "schemaURL": f"https://example.org/#/$defs/{kind}"}
    event |= {"dataset": {"namespace": "n", "name": "d"}} if kind == "DatasetEvent" else {}

    assert present({**event, part: odd}) == present(event)


def test_what_is_stored_is_shown() -> None:
    facets = {"a": {"b": 1}, "c": {}}

    assert stored(facets, 7)["a"] == [7, {"b": 1}]
    assert shown(stored(facets, 7)) == facets


def test_a_received_event_shows_every_member_marquez_knows() -> None:
    shown_event = present(
        {
            "eventTime": "2026-03-01T13:00:00+01:00",
            "producer": "https://example.org",
            "run": {"runId": "r", "facets": {"mine": {"x": 1}}},
            "job": {"namespace": "n", "name": "j"},
            "inputs": [{"namespace": "n", "name": "d", "facets": {"schema": {"fields": [{"name": "c"}]}}}],
            "unknown": 1,
        }
    )

    assert shown_event["eventTime"] == "2026-03-01T12:00:00Z"
    assert shown_event["run"]["facets"] == {"nominalTime": None, "parent": None, "mine": {"x": 1}}
    assert shown_event["job"] == {"namespace": "n", "name": "j", "facets": None}
    assert shown_event["inputs"][0]["facets"]["schema"] == {
        "fields": [{"name": "c", "type": None, "description": None}]
    }
    assert shown_event["outputs"] is None
    assert "unknown" not in shown_event
