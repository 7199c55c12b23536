"""The settings: whether they can be read, and variables that look like one and are none."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from weather_pipeline.doctor.finding import Finding, listed, ok, problem, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings, variables
from weather_pipeline.stack.process import STACK_ID, STACK_PART

_PREFIX = "WEATHER_"
_OF_THE_STACK = frozenset({STACK_ID, STACK_PART, "WEATHER_DAGSTER_DATABASE_URL"})
"""Variables that are no settings: the stack sets them for what it starts, and `weather env` prints some."""


def look(surroundings: Surroundings) -> Outcome:
    """Look at the settings."""
    return Outcome(judge(surroundings.environment, surroundings.unreadable))


def judge(environment: Mapping[str, str], unreadable: ConfigurationError | None) -> list[Finding]:
    """What to say of the settings.

    Args:
        environment: All variables; of their values only whether two differ is looked at.
        unreadable: Why the settings can't be read, if so.
    """
    given = {name: value for name, value in environment.items() if value}
    findings = [_unknown(name) for name in sorted(given) if _is_unknown(name)]
    findings += _contradictions(given)
    if unreadable is not None:
        first, *lines = str(unreadable).splitlines()
        findings += [_unusable(line) for line in lines or [first]]
    if not findings:
        known = sorted({name for name in given if name.upper() in _known()})
        findings.append(ok("settings", f"{listed(known)} set" if known else "none set, so the defaults count"))
    return findings


def _known() -> set[str]:
    return {name for field in Settings.model_fields for name in variables(field)}


def _is_unknown(name: str) -> bool:
    return name.upper().startswith(_PREFIX) and name.upper() not in _known() | _OF_THE_STACK


def _unknown(name: str) -> Finding:
    # Compared without what all have in common, which makes everything look alike.
    known = {each.removeprefix(_PREFIX): each for each in _known()}
    nearest = [known[each] for each in difflib.get_close_matches(name.upper().removeprefix(_PREFIX), known, n=1)]
    return warning(
        name,
        f"{name} is set, but there is no such setting.",
        cause="A mistyped name, or a setting of another version.",
        remedy=f"Did you mean {nearest[0]}?" if nearest else "Unset it. docs/settings.md lists all settings.",
        command=f"unset {name}",
    )


def _contradictions(given: Mapping[str, str]) -> list[Finding]:
    """Settings that are given by two names with two values."""
    upper = {name.upper(): value for name, value in given.items()}
    findings = []
    for field in Settings.model_fields:
        names = [name for name in variables(field) if name in upper]
        if len({upper[name] for name in names}) > 1:
            counts, *others = names
            found = f"{listed(names)} mean the same and differ: {counts} counts."
            cause = "Both were set, perhaps in different files."
            findings.append(warning(field, found, cause=cause, remedy="Unset one.", command=f"unset {others[0]}"))
    return findings


def _unusable(line: str) -> Finding:
    name, _, reason = line.partition(": ")
    return problem(
        name,
        line if line.endswith(".") else f"{line}.",
        cause=f"{name} has a value that can't be used." if reason else "A variable has a value that can't be used.",
        remedy="Correct it, or unset it. docs/settings.md lists all settings.",
    )


CHECK = Check("settings", look, needs_settings=False)
