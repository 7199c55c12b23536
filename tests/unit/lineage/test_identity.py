from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from weather_pipeline.lineage.identity import run_id_for

AT = datetime(2026, 11, 21, 10, 0, 0, 123_456, tzinfo=UTC)


def test_the_same_run_and_asset_have_the_same_id_everywhere() -> None:
    first = run_id_for("run", AT, ("a", "b"))
    assert first == run_id_for("run", AT, ["a", "b"])
    assert first == run_id_for("run", AT.astimezone(timezone(timedelta(hours=2))), ("a", "b"))
    assert first == run_id_for("run", AT.replace(microsecond=123_999), ("a", "b")), "storages differ below milliseconds"


def test_other_runs_assets_and_parts_have_other_ids() -> None:
    ids = {
        run_id_for("run", AT, ("a", "b")),
        run_id_for("run", AT, ("a.b",)),
        run_id_for("run", AT, ("ab",)),
        run_id_for("other", AT, ("a", "b")),
        run_id_for("run", AT, ("a", "b"), part=".checks"),
        run_id_for("run", AT + timedelta(seconds=1), ("a", "b")),
    }
    assert len(ids) == 6


def test_it_is_a_uuid7_with_the_runs_time() -> None:
    identity = UUID(run_id_for("run", AT, ("a",)))
    assert identity.version == 7
    assert identity.int >> 80 == int(AT.timestamp() * 1000)
