"""The files of a session in the spool."""

from pathlib import Path

from weather_pipeline.lineage.spool.files import SessionFiles
from weather_pipeline.lineage.spool.record import Failed


def test_the_driver_s_word_is_read_as_far_as_it_was_written(tmp_path: Path) -> None:
    session = SessionFiles(tmp_path, "job-1")
    assert session.failed() == Failed()
    (tmp_path / "job-1.failed.jsonl").write_text(
        '{"started": 1, "message": "of an earlier version"}\n'
        '{"started": 2, "ended": 3, "message": "exists"}\n'
        '{"started": null, "ended": 4, "message": null}\n'
        '{"started": 5, "ended": null, "message": "cut off"}\n'
        "7\n"
        '{"started": 6, "en'
    )
    begun: dict[int, str | None] = {1: "of an earlier version", 2: "exists", 5: "cut off"}
    assert session.failed() == Failed(begun, {3: "exists", 4: None}, {4: None})
