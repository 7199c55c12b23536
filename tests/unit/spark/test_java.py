"""Which Java Spark gets. The programs are real: the wheel's, and small scripts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.spark.java import find_spark_java, java_home

WHOLE = ("java.base", "jdk.net", "jdk.incubator.vector")


def java(directory: Path, version: str, modules: tuple[str, ...] = WHOLE) -> Path:
    """A Java home whose program lists these modules, and else prints its arguments."""
    program = directory / "bin" / "java"
    program.parent.mkdir(parents=True)
    listed = "\n".join(f"echo {module}@{version}" for module in modules)
    program.write_text(f'#!/bin/sh\nif [ "$1" = --list-modules ]; then\n{listed}\nelse\nprintf "<%s>" "$@"\nfi\n')
    program.chmod(0o755)
    return directory


@pytest.mark.parametrize("version", ["17.0.15", "21.0.8", "21"])
def test_java_home_comes_first(tmp_path: Path, version: str) -> None:
    home, other = java(tmp_path / "chosen", version), java(tmp_path / "system", "17")
    found = find_spark_java({"JAVA_HOME": str(home), "PATH": str(other / "bin")})
    assert (found.program, found.version, found.origin) == (home / "bin" / "java", int(version[:2]), "JAVA_HOME")
    assert java_home(found, tmp_path / "unused") == home
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize(
    ("version", "modules"), [("25", WHOLE), ("11.0.2", WHOLE), ("18", WHOLE), ("17.0.9", ("java.base",)), ("17", ())]
)
def test_the_system_s_follows_where_that_of_java_home_does_not_fit(
    tmp_path: Path, version: str, modules: tuple[str, ...]
) -> None:
    home, system = java(tmp_path / "chosen", version, modules), java(tmp_path / "system", "17.0.15")
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr" / "java").symlink_to(system / "bin" / "java")
    found = find_spark_java({"JAVA_HOME": str(home), "PATH": str(tmp_path / "usr")})
    assert (found.program, found.origin) == (system / "bin" / "java", "the system's")
    assert java_home(found, tmp_path / "unused") == system


def test_the_wheel_s_is_the_last_and_gets_a_wrapper(tmp_path: Path) -> None:
    found = find_spark_java({"JAVA_HOME": str(tmp_path / "nothing"), "PATH": str(tmp_path)})
    assert (found.version, found.origin, found.complete) == (21, "the wheel's", False)
    home = java_home(found, tmp_path / "a home")
    assert home == tmp_path / "a home"
    command = [str(home / "bin" / "java"), "--add-modules=jdk.incubator.vector", "--version"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "21." in ran.stdout
    assert subprocess.run([found.program, *command[1:]], capture_output=True, check=False).returncode != 0


def test_the_wrapper_passes_all_other_arguments_on_as_they_are(tmp_path: Path) -> None:
    found = find_spark_java({"JAVA_HOME": str(java(tmp_path / "it's", "17", WHOLE[:2]))})
    program = java_home(found, tmp_path / "wrapper") / "bin" / "java"
    arguments = ["-cp", "a b:c", "--add-modules=jdk.incubator.vector", "--add-modules=other", "", "$HOME", "last\n"]
    ran = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=True)
    assert ran.stdout == "<-cp><a b:c><--add-modules=other><><$HOME><last\n>"
    written = program.stat().st_mtime_ns
    java_home(found, tmp_path / "wrapper")
    assert program.stat().st_mtime_ns == written
    assert [file.name for file in program.parent.iterdir()] == ["java"]


def test_a_wrapper_of_another_java_is_replaced(tmp_path: Path) -> None:
    first, second = (
        find_spark_java({"JAVA_HOME": str(java(tmp_path / name, "17", WHOLE[:2]))}) for name in ("first", "second")
    )
    java_home(first, tmp_path / "wrapper")
    java_home(second, tmp_path / "wrapper")
    assert str(second.program) in (tmp_path / "wrapper" / "bin" / "java").read_text()


def test_a_version_manager_s_shim_is_wrapped_too(tmp_path: Path) -> None:
    real = java(tmp_path / "real", "17")
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "java").write_text(f'#!/bin/sh\nexec "{real}/bin/java" "$@"\n')
    (shims / "java").chmod(0o755)
    home = java_home(find_spark_java({"PATH": str(shims)}), tmp_path / "wrapper")
    assert subprocess.run([home / "bin" / "java", "x"], capture_output=True, text=True, check=True).stdout == "<x>"


def test_each_java_that_does_not_fit_is_named_with_the_reason(tmp_path: Path) -> None:
    def find(**environment: str) -> None:
        find_spark_java(environment, wheel=lambda: None)

    home, system = java(tmp_path / "chosen", "25"), java(tmp_path / "system", "17", ("java.base",))
    with pytest.raises(ConfigurationError) as caught:
        find(JAVA_HOME=str(home), PATH=str(system / "bin"))
    message = str(caught.value)
    assert f"JAVA_HOME ({home}/bin/java) is Java 25" in message
    assert f"the system's ({system}/bin/java) lacks the module jdk.net" in message
    assert "weather-pipeline[spark]" in message
    with pytest.raises(ConfigurationError, match="there is none at all"):
        find(PATH=str(tmp_path))
    with pytest.raises(ConfigurationError, match="can't be run: No such file"):
        find(JAVA_HOME=str(tmp_path / "nothing"), PATH=str(tmp_path))
