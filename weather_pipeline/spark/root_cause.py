"""What an error of Spark's comes down to, in one line: Java's own text is hundreds."""

from __future__ import annotations

import re
import traceback
from itertools import takewhile

_LONGEST = 1000
_CLASS = re.compile(r"(?:[\w$]+\.)+([\w$]+)(?:: |:?$)")
"""A class of Java, or of a Python module, before what it says."""
_CAUSE = "Caused by: "
_PYTHONS = "Traceback (most recent call last):"
_CALLED = re.compile(r"An error occurred while calling [^\n]*\n: ")
"""What py4j puts before Java's text."""


def root_cause(error: BaseException) -> str:
    """The cause of an error in one line, and in parentheses what it was the cause of.

    Args:
        error: Spark's, py4j's or any other.
    """
    return _in_one_line(_chain(error))


def root_cause_in(text: str) -> str:
    """The same of an error of which there is Java's text alone.

    Args:
        text: Java's text with its stacks.
    """
    return _in_one_line(causes_of(text))


def causes_of(text: str) -> list[str]:
    """What each error of a chain says, the root last, without the names of classes.

    Args:
        text: Java's text with its stacks, or an error's own.
    """
    lines = _CALLED.sub("", text.strip(), count=1).splitlines() or [""]
    causes = [0, *(number for number, line in enumerate(lines) if number and line.startswith(_CAUSE))]
    said = [_without_class(_announced(lines, number).removeprefix(_CAUSE)) for number in causes]
    return [each for each in said if each] or [""]


def _chain(error: BaseException) -> list[str]:
    said = getattr(error, "_desc", None)
    if said is None:  # no error of Spark's own: Java's text, if any, is in what it says
        text = "".join(traceback.format_exception_only(error))
        return causes_of(str(error) if _CALLED.search(text) else text)
    stack, cause = getattr(error, "_stackTrace", ""), getattr(error, "_cause", None)
    causes = causes_of(f"{said}\n{stack}")
    # Of a query of a stream the stack ends with the query's own: the cause has another.
    return [*causes, *_chain(cause)] if len(causes) == 1 and isinstance(cause, BaseException) else causes


def _in_one_line(causes: list[str]) -> str:
    root, before = causes[-1], causes[-2] if len(causes) > 1 else ""
    said = root if before in root or root in before else f"{root} ({before})"
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def _announced(lines: list[str], number: int) -> str:
    """A line, with the next one where it announces it; of a stack of Python's what stands at its end."""
    line, following = lines[number], lines[number + 1] if number + 1 < len(lines) else ""
    if line.endswith(_PYTHONS):
        rest = takewhile(lambda each: not each.startswith(("\tat ", _CAUSE)), lines[number + 1 :])
        return [line, *(each for each in rest if each[:1].strip())][-1]
    says_more = line.endswith(":") and following and not following.startswith(("\t", _CAUSE))
    return f"{line} {following.strip()}" if says_more else line


def _without_class(line: str) -> str:
    """What an error says; where that is nothing, its class."""
    while found := _CLASS.match(line):
        rest = line[found.end() :].strip()
        if not rest:
            return found[1]
        line = rest
    return line.strip()
