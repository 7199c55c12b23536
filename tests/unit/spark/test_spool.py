"""What a program says of itself in its session's record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAY = "from weather_pipeline.spark.spool import _description; print(_description())"


def said(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_program_is_described_by_the_first_paragraph_of_its_docstring(tmp_path: Path) -> None:
    program = tmp_path / "job.py"
    program.write_text(f'"""Counts\n    words.\n\nMore of it.\n"""\n{SAY}\n')
    assert said(str(program)) == "Counts words."


def test_a_shell_and_a_runner_of_others_say_nothing() -> None:
    assert said("-c", SAY) == "None"
    assert said("-m", "timeit", "-n", "1", "-r", "1", SAY).splitlines()[0] == "None"
