"""`weather doctor`: what is wrong here, why, and what to do about it."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli.common import home_option, port_offset_option, read_settings, weather_command
from weather_pipeline.cli.symbols import printable, spinner
from weather_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from weather_pipeline.doctor.examine import Report
    from weather_pipeline.doctor.finding import Finding
    from weather_pipeline.doctor.surroundings import Surroundings

_HEALTHY, _PROBLEMS = 0, 1

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red"), "skipped": ("-", "dim")}
_INDENT = " " * 14
_LONGEST_LINE = 120

_WHOLE = 1000
"""More characters than a line has."""

Line = tuple[str, str, int]
"""Text, its style on a terminal, and how many characters have it."""


@click.command(
    epilog="""
    \b
    Examples:
      weather doctor
      weather doctor database backend          these two alone
      weather doctor --json | python -m json.tool

    \b
    Checks: settings, python, registries, ports, disk, stack, network, database, lake, backend, daemon, spark, clock.

    \b
    Exit codes: 0 no problem (there may be warnings); 1 there are problems; 2 wrong usage; 130 interrupted.
    """
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@port_offset_option
@home_option
@click.argument("checks", nargs=-1, metavar="[CHECK]...")
def doctor(*, checks: tuple[str, ...], as_json: bool, port_offset: int | None, home: Path | None) -> None:
    """Look for what is wrong here, why, and what to do.

    Shows each finding with its cause and the remedy. Changes nothing.

    Works before the first start, while the stack runs and after it has failed; takes half a minute at most.
    """
    from weather_pipeline.doctor.checks import NAMES
    from weather_pipeline.doctor.examine import examine

    unknown = [name for name in checks if name not in NAMES]
    if unknown:
        raise click.UsageError(f"There is no check {unknown[0]!r}. Checks: {', '.join(NAMES)}.")
    with _spinner() as waiting:
        report = examine(look_around(home, port_offset), checks or NAMES, waiting=waiting)
    if as_json:
        click.echo(json.dumps(report_json(report), indent=2, ensure_ascii=False))
    else:
        _print(report)
    click.get_current_context().exit(_HEALTHY if report.healthy else _PROBLEMS)


def look_around(home: Path | None, port_offset: int | None) -> Surroundings:
    """Where this command is to look; with the default settings where those of the environment can't be read."""
    from weather_pipeline.doctor.surroundings import Surroundings, running_stack
    from weather_pipeline.settings import Settings

    unreadable = None
    try:
        settings = read_settings(home, port_offset)
    except ConfigurationError as error:
        unreadable = error
        settings = Settings.model_construct(home=(home or Path(".weather")).absolute())
    return Surroundings(
        settings=settings,
        # Variables that are not ours matter too: OpenLineage's, and names that look like ours.
        environment=dict(os.environ),
        directory=Path.cwd(),
        user=Path.home(),
        stack=running_stack(settings),
        command=lambda arguments: weather_command(settings, arguments),
        unreadable=unreadable,
    )


def report_json(report: Report) -> dict[str, Any]:
    """The report for programs; names are added to it in later versions, none is taken away."""
    from importlib.metadata import version

    from weather_pipeline.doctor.finding import Status

    return {
        "version": version("weather-pipeline"),
        "healthy": report.healthy,
        "counts": {status.value: report.count(status) for status in Status},
        "findings": [{"check": finding.check, **asdict(finding)} for finding in report.findings],
    }


def report_lines(report: Report, width: int | None = None) -> list[Line]:
    """The report for people: one line for a check that is well, and for each other finding its cause and remedy.

    Args:
        report: What was found.
        width: Where lines are broken; commands never are.
    """
    groups = [(check, list(found)) for check, found in groupby(report.findings, key=lambda finding: finding.check)]
    lines: list[Line] = []
    for reason, alike in groupby(groups, key=lambda group: _lone_reason(group[1])):
        same = list(alike)
        if reason and len(same) > 1:
            lines += _entry("skipped", "", f"{', '.join(check for check, _ in same)}: {reason}", width)
        else:
            lines += [line for check, findings in same for line in _check_lines(check, findings, width)]
    return [*lines, ("", "", 0), _summary(report)]


def _lone_reason(findings: Sequence[Finding]) -> str:
    """Why a check did not look at all; empty where it did."""
    return findings[0].found if len(findings) == 1 and findings[0].status == "skipped" else ""


def _check_lines(check: str, findings: Sequence[Finding], width: int | None) -> list[Line]:
    lines = []
    for status in ("ok", "skipped"):
        said = [finding.found for finding in findings if finding.status == status]
        if said:
            lines += _entry(status, check, "; ".join(said), width)
    for finding in findings:
        if finding.status in ("warning", "problem"):
            lines += _trouble(finding, width)
    return lines


def _entry(status: str, name: str, text: str, width: int | None) -> list[Line]:
    mark, style = _MARKS[status]
    lines = _wrapped(text, width, f"{mark} {name:<12}", _INDENT)
    return [(line, style, _WHOLE if status == "skipped" else len(_INDENT)) for line in lines]


def _trouble(finding: Finding, width: int | None) -> list[Line]:
    lines = _entry(finding.status, finding.check, finding.found, width)
    for label, text in (("Cause", finding.cause), ("Remedy", finding.remedy)):
        begin = f"{_INDENT}{label:<8}"
        lines += [(line, "dim", len(begin)) for line in _wrapped(text, width, begin, " " * len(begin))]
    if finding.command:
        lines.append((f"{_INDENT}{'':8}{finding.command}", "bold", _WHOLE))
    return lines


def _summary(report: Report) -> Line:
    problems, warnings = (sum(each.status == status for each in report.findings) for status in ("problem", "warning"))
    if all(each.status == "skipped" for each in report.findings):
        return "Nothing was looked at.", "yellow", _WHOLE
    if not problems and not warnings:
        return "All is well.", "green", _WHOLE
    counts = [_count(problems, "problem"), _count(warnings, "warning")]
    return f"{', '.join(filter(None, counts))}.", "red" if problems else "yellow", _WHOLE


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def _wrapped(text: str, width: int | None, begin: str, indent: str) -> list[str]:
    if width is None:
        return [begin + text]
    return textwrap.wrap(
        text,
        width,
        initial_indent=begin,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    # Lines of a log or a pipe stay whole, for those who search them.
    width = min(console.width, _LONGEST_LINE) if console.is_terminal else None
    for line, style, length in report_lines(report, width):
        text = Text(printable(line, console.encoding))
        if not console.no_color:  # rich leaves bold and dim in
            text.stylize(style, 0, length)
        console.print(text, soft_wrap=True)


@contextmanager
def _spinner() -> Iterator[Callable[[Sequence[str]], object]]:
    """On a terminal, shows on stderr which checks still run."""
    from rich.console import Console

    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda names: None  # noqa: ARG005  (nobody watches)
        return
    with console.status("Looking around", spinner=spinner(console.encoding)) as status:
        yield lambda names: status.update(f"Looking at {', '.join(names)}")
