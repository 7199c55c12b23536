"""What `weather status` says, in words."""

from __future__ import annotations

from weather_pipeline.cli.status import status_table
from weather_pipeline.stack.status import DEGRADED, NOT_RUNNING, PartStatus, StackStatus

PARTS = (
    PartStatus("postgres", 7, 5432, "up", 1.0, "/srv/my lineage/logs/postgres.log"),
    PartStatus("lineage", 8, 5050, "up", 1.0, "/srv/my lineage/logs/lineage.log"),
)
ALONE = StackStatus("up", "/srv/my lineage", 1, 0, "auto", "http://127.0.0.1:5050", PARTS, lineage_alone=True)


def test_the_lineage_service_alone_is_told_with_the_way_to_it() -> None:
    lines = status_table(ALONE).splitlines()
    assert lines[0] == "up  (/srv/my lineage)"
    assert "The lineage service runs alone" in lines[1]
    assert lines[2] == "Lineage API   http://localhost:5050"
    assert lines[3] == "Database      opened by `weather psql --lineage --home '/srv/my lineage'`"
    assert [line.split()[0] for line in lines[4:]] == ["part", "postgres", "lineage"]


def test_a_whole_stack_has_no_word_of_it() -> None:
    assert "alone" not in status_table(StackStatus("up", "/h", 1, 0, "replay", "x", PARTS))


def test_without_a_supervisor_the_remedy_has_the_directory() -> None:
    gone = StackStatus(DEGRADED, "/srv/my lineage", None, 0, "auto", "x", PARTS)
    assert "`weather down --home '/srv/my lineage'`" in status_table(gone)


def test_a_service_of_others_is_told() -> None:
    nothing = StackStatus(NOT_RUNNING, "/h")
    assert status_table(nothing) == "not running  (/h)"
    shown = status_table(nothing, "http://127.0.0.1:5000").splitlines()
    assert shown[0] == "not running  (/h)"
    assert "a lineage service answers at http://localhost:5000" in shown[1]
