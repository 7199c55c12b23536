"""Python and what is installed: the version, the packages that this one needs, those that the lock names."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

import weather_pipeline
from weather_pipeline.doctor.finding import Finding, listed, ok, problem, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings

_PROJECT = "weather-pipeline"
_EXTRAS = ("", "pipeline", "stack")
"""What the whole platform needs, as named in the package's own metadata."""

_COMPILED = ("duckdb", "pgpq", "psycopg", "pyarrow", "pydantic")
"""Packages with machine code, which can be installed and broken: for another processor, or without a library."""

_BITS = 64
_SHOWN = 5


@dataclass(frozen=True)
class PythonFacts:
    """What was found.

    Attributes:
        version: Python's version.
        supported: The versions that the package supports, as its metadata says.
        bits: Width of an address.
        machine: System and processor, in words.
        virtual: Whether this is a virtual environment.
        unmet: Requirements of the package that are not met, each with the version that is there.
        broken: Installed packages that can't be imported, each with the error.
        differing: Packages with another version than the lock says: name → (locked, installed).
        locked: How many packages the lock names here; 0 where there is no lock.
    """

    version: str
    supported: str
    bits: int
    machine: str
    virtual: bool
    unmet: Mapping[str, str | None] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    differing: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    locked: int = 0


def look(surroundings: Surroundings) -> Outcome:  # noqa: ARG001  (a check's signature)
    """Look at this Python."""
    lock = Path(weather_pipeline.__file__).parents[1] / "requirements.txt"
    locked = dict(locked_versions(lock.read_text().splitlines())) if lock.is_file() else {}
    unmet = unmet_requirements(metadata.requires(_PROJECT) or [])
    facts = PythonFacts(
        version=platform.python_version(),
        supported=metadata.metadata(_PROJECT)["Requires-Python"] or "",
        bits=_BITS if sys.maxsize > 2**32 else 32,
        machine=f"{platform.system()} {platform.machine()}",
        virtual=sys.prefix != sys.base_prefix,
        unmet=unmet,
        broken=_broken(),
        differing={
            name: (version, there)
            for name, version in locked.items()
            if (there := _installed(name)) not in (None, version) and there is not None
        },
        locked=len(locked),
    )
    return Outcome(judge(facts))


def judge(facts: PythonFacts) -> list[Finding]:
    """What to say of Python and its packages."""
    findings = [*_judge_python(facts), *_judge_packages(facts)]
    if findings:
        return findings
    where = " in a virtual environment" if facts.virtual else ""
    packages = f"{facts.locked} packages as locked" if facts.locked else "all requirements met"
    return [ok("python", f"{facts.version} on {facts.machine}{where}; {packages}")]


def _judge_python(facts: PythonFacts) -> Iterator[Finding]:
    if not SpecifierSet(facts.supported).contains(facts.version, prereleases=True):
        yield problem(
            "version",
            f"Python {facts.version} is not supported.",
            cause=f"The packages are built and tested for Python {facts.supported}.",
            remedy="Set the environment up with another one, as: `make clean demo PYTHON=python3.12`.",
        )
    if facts.bits != _BITS:
        yield problem(
            "bits",
            f"This Python has {facts.bits} bits.",
            cause="PostgreSQL, DuckDB and Arrow are built for 64 bits.",
            remedy="Install a 64 bit Python.",
        )


def _judge_packages(facts: PythonFacts) -> Iterator[Finding]:
    repair = {"remedy": "Install what the lock names:", "command": "make install"}
    if not facts.locked:
        repair = {"remedy": "Install it again, whole:", "command": f"python -m pip install '{_PROJECT}[all]'"}
    if facts.unmet:
        missing = [f"{name} (there is {there or 'none'})" for name, there in facts.unmet.items()]
        found = f"Requirements are not met: {_some(missing)}."
        yield problem("requirements", found, cause="It was installed in part, or changed afterwards.", **repair)
    if facts.broken:
        found = f"Packages can't be imported: {_some([f'{name} ({why})' for name, why in facts.broken.items()])}."
        cause = "They are built for another processor or system, or were installed in part."
        yield problem("imports", found, cause=cause, **repair)
    if facts.differing:
        pairs = [f"{name} {there} (locked {version})" for name, (version, there) in facts.differing.items()]
        found = f"{len(pairs)} packages differ from the lock: {_some(pairs)}."
        yield warning("lock", found, cause="The lock or the environment was changed since the install.", **repair)


def _some(words: list[str]) -> str:
    more = len(words) - _SHOWN
    return listed(words if more <= 0 else [*words[:_SHOWN], f"{more} more"])


def unmet_requirements(requirements: Iterable[str]) -> dict[str, str | None]:
    """The requirements, as package metadata has them, that this environment does not meet → the version there."""
    unmet: dict[str, str | None] = {}
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        needed = marker is None or any(marker.evaluate({"extra": extra}) for extra in _EXTRAS)
        there = _installed(requirement.name)
        if needed and (there is None or not requirement.specifier.contains(there, prereleases=True)):
            unmet[f"{requirement.name}{requirement.specifier}"] = there
    return unmet


def locked_versions(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and version of what a requirements file pins for this Python and system."""
    for line in lines:
        if not re.match(r"[A-Za-z0-9]", line):
            continue
        try:
            requirement = Requirement(line.rstrip("\\ "))
        except InvalidRequirement:
            continue
        version = str(requirement.specifier).removeprefix("==")
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement.name, version


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _broken() -> dict[str, str]:
    broken = {}
    for name in _COMPILED:
        if _installed(name) is None:
            continue  # an unmet requirement
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  (whatever a broken package raises)
            broken[name] = f"{type(error).__name__}: {error}"
    return broken


CHECK = Check("python", look, needs_settings=False)
