"""What a check found: in one sentence, with the cause and the remedy where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as well as it could, or not for long."""
    PROBLEM = "problem"
    """Something does not work before this is repaired."""
    SKIPPED = "skipped"
    """Not looked at, with the reason."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        subject: What it is about, within its check: short and stable, for programs.
        status: How bad it is.
        found: What was found, in words.
        cause: Why it is so, as far as that can be known; empty where nothing is wrong.
        remedy: What to do about it; empty where nothing is wrong.
        command: A command that does it, to copy into a shell; empty where none does.
        check: Name of the check.
    """

    subject: str
    status: Status
    found: str
    cause: str = ""
    remedy: str = ""
    command: str = ""
    check: str = ""


def ok(subject: str, found: str) -> Finding:
    """All is well."""
    return Finding(subject, Status.OK, found)


def skipped(subject: str, reason: str) -> Finding:
    """Not looked at."""
    return Finding(subject, Status.SKIPPED, reason)


def warning(subject: str, found: str, *, cause: str, remedy: str, command: str = "") -> Finding:
    """Something that should be known."""
    return Finding(subject, Status.WARNING, found, cause, remedy, command)


def problem(subject: str, found: str, *, cause: str, remedy: str, command: str = "") -> Finding:
    """Something that must be repaired."""
    return Finding(subject, Status.PROBLEM, found, cause, remedy, command)


def listed(words: list[str]) -> str:
    """Words as a sentence has them: `a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
