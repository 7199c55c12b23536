"""What a part said last: its own words, and no more of them than help."""

from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.stack.logs import LIMIT_BYTES, Logs, last_words, tail

RUN = "38e8c822-3b34-4f7a-a049-a8315cf695b2"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "part.log"


def add(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_the_words_of_earlier_starts_are_not_its_own(log: Path) -> None:
    logs = Logs()
    add(log, "an earlier start's reason\n")
    logs.begin(log)
    assert logs.last_words(log) == f"It wrote nothing to {log}."
    add(log, "its own\n")
    assert logs.last_words(log) == f"The end of {log}:\nits own"
    logs.begin(log)
    add(log, "the next start's\n")
    assert logs.last_words(log) == f"The end of {log}:\nthe next start's"
    assert tail(log).splitlines()[0] == "an earlier start's reason"


def test_the_lines_of_its_runs_are_not_its_own(log: Path) -> None:
    add(log, "2026-11-22 10:42:51 +0000 - dagster.code_server - INFO - Started on port 31580\n")
    add(log, f"2026-11-22 10:43:00 +0000 - dagster - DEBUG - diamond - {RUN} - 5973 - RUN_START - Started.\n")
    add(log, f"2026-11-22 10:43:00 +0000 - dagster - INFO - diamond - {RUN} - a - 40 rows\n")
    add(log, "Fatal Python error: Segmentation fault\n")
    assert last_words(log).splitlines()[1:] == [
        "2026-11-22 10:42:51 +0000 - dagster.code_server - INFO - Started on port 31580",
        "Fatal Python error: Segmentation fault",
    ]


def test_no_more_than_help(log: Path) -> None:
    add(log, "".join(f"line {number}\n\n" for number in range(50)))
    add(log, f"\x1b[31m{'x' * 5000}\x1b[0m\n")
    words = last_words(log).splitlines()
    assert words[1:-1] == [f"line {number}" for number in range(41, 50)]
    assert words[-1] == f"{'x' * 400} …"


def test_a_log_that_was_set_aside_or_emptied_is_new_as_a_whole(log: Path) -> None:
    logs = Logs()
    add(log, "x" * LIMIT_BYTES)
    logs.begin(log)
    add(log, "\nbefore\n")
    logs.keep_short(log)
    assert log.with_name("part.log.1").exists()
    add(log, "since\n")
    assert logs.last_words(log) == f"The end of {log}:\nsince"
    logs.begin(log)
    log.write_text("anew")
    assert logs.last_words(log) == f"The end of {log}:\nanew"


def test_without_a_log_there_are_no_words(log: Path) -> None:
    logs = Logs()
    logs.begin(log)
    logs.keep_short(log)
    assert logs.last_words(log) == f"It wrote nothing to {log}."
