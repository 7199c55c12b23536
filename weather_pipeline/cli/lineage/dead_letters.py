"""`weather lineage dead-letters`: events that the backend refused for good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli import FAILED
from weather_pipeline.cli.lineage.common import Where, json_option, project_options

if TYPE_CHECKING:
    from weather_pipeline.lineage.deadletters import DeadLetter
    from weather_pipeline.lineage.projects import Project

_REASON = 100
_every_sensor = click.option(
    "--every-sensor", is_flag=True, help="Those of all sensors and code locations of the instance."
)


@click.group(
    name="dead-letters",
    epilog="""
    \b
    Examples:
      weather lineage dead-letters list
      weather lineage dead-letters show 0199d3f5
      weather lineage dead-letters resend --all
    """,
)
def dead_letters() -> None:
    """List, show, resend or drop the events that were refused for good.

    Those of the project's own sensor, unless --every-sensor is given.
    """


@dead_letters.command(
    "list",
    epilog="""
    \b
    Examples:
      weather lineage dead-letters list
      weather lineage dead-letters list --json | python -m json.tool

    \b
    Exit codes: 0 listed, also where there are none; 1 the instance can't be read; 2 wrong usage.
    """,
)
@_every_sensor
@json_option
@project_options
def list_letters(*, where: Where, every_sensor: bool, as_json: bool) -> None:
    """List them, oldest first: when, which job and run, why, and the key by which the others name them."""
    with where.opened() as project:
        letters = _letters(project, every_sensor=every_sensor)
    if as_json:
        click.echo(json.dumps([_as_json(letter) for letter in letters]))
        return
    if not letters:
        click.echo("No dead letters.")
    for letter in letters:
        click.echo(f"{letter.at[:19]}  {_job(letter)}  {_event_type(letter)}\n  key     {letter.key}")
        click.echo(f"  reason  {_short(letter.reason)}")


@dead_letters.command(
    epilog="""
    \b
    Examples:
      weather lineage dead-letters show 0199d3f5
      weather lineage dead-letters show 0199d3f5 --json | jq .event

    \b
    Exit codes: 0 shown; 1 no such letter, or more than one; 2 wrong usage.
    """
)
@click.argument("key")
@_every_sensor
@json_option
@project_options
def show(*, where: Where, key: str, every_sensor: bool, as_json: bool) -> None:
    """Show one with its whole reason and event; KEY may be the beginning of its key."""
    with where.opened() as project:
        chosen = _chosen(_letters(project, every_sensor=every_sensor), (key,))
    if len(chosen) > 1:
        keys = "\n  ".join(letter.key for letter in chosen)
        raise click.ClickException(f"More than one letter's key begins with {key!r}:\n  {keys}")
    letter = chosen[0]
    if as_json:
        click.echo(json.dumps(_as_json(letter)))
        return
    click.echo(f"key     {letter.key}\ntime    {letter.at}\nwriter  {letter.writer}\nreason  {letter.reason}")
    click.echo(json.dumps(letter.event, indent=2))


@dead_letters.command(
    epilog="""
    \b
    Examples:
      weather lineage dead-letters resend --all
      weather lineage dead-letters resend 0199d3f5 0199d3f6

    \b
    Exit codes: 0 all were accepted, and so are dropped; 1 some were not, and stay; 2 wrong usage.
    """
)
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@_every_sensor
@json_option
@project_options
def resend(*, where: Where, keys: tuple[str, ...], everything: bool, every_sensor: bool, as_json: bool) -> None:
    """Send them again, oldest event first; what is accepted is dropped."""
    from weather_pipeline.lineage.resend import resend_letters

    _check(keys, everything=everything)
    with where.opened() as project:
        project.way()  # refuses where lineage is switched off
        letters = _letters(project, every_sensor=every_sensor)
        chosen = letters if everything else _chosen(letters, keys)
        answers = resend_letters(project.instance, project.sink, chosen)
    left = [(letter, answer) for letter, answer in answers if answer]
    if as_json:
        stayed = [{"key": letter.key, "reason": answer} for letter, answer in left]
        click.echo(json.dumps({"accepted": len(answers) - len(left), "left": stayed}))
    else:
        click.echo(f"{len(answers) - len(left)} accepted, {len(left)} left.")
        for letter, answer in left:
            click.echo(f"{letter.key}: {_short(answer or '')}", err=True)
    click.get_current_context().exit(FAILED if left else 0)


@dead_letters.command(
    epilog="""
    \b
    Examples:
      weather lineage dead-letters drop 0199d3f5
      weather lineage dead-letters drop --all

    \b
    Exit codes: 0 dropped; 1 no such letter; 2 wrong usage.
    """
)
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@_every_sensor
@json_option
@project_options
def drop(*, where: Where, keys: tuple[str, ...], everything: bool, every_sensor: bool, as_json: bool) -> None:
    """Forget them: their events are never sent. `weather lineage replay` can still build most of them anew."""
    from weather_pipeline.lineage.deadletters import drop as drop_letters

    _check(keys, everything=everything)
    with where.opened() as project:
        letters = _letters(project, every_sensor=every_sensor)
        chosen = letters if everything else _chosen(letters, keys)
        dropped = drop_letters(project.instance, chosen)
    click.echo(json.dumps({"dropped": dropped}) if as_json else f"{dropped} dropped.")


def _letters(project: Project, *, every_sensor: bool) -> list[DeadLetter]:
    from weather_pipeline.lineage.deadletters import all_letters

    return all_letters(project.instance) if every_sensor else project.letters.all()


def _check(keys: Sequence[str], *, everything: bool) -> None:
    if bool(keys) is everything:
        raise click.UsageError("Name letters by their keys, or take --all.")


def _chosen(letters: Sequence[DeadLetter], keys: Sequence[str]) -> list[DeadLetter]:
    """The letters whose keys are these, or begin so."""
    chosen: dict[str, DeadLetter] = {}  # by name: two sensors may have letters of the same key
    for key in keys:
        found = [letter for letter in letters if letter.key == key]
        found = found or [letter for letter in letters if letter.key.startswith(key)]
        if not found:
            raise click.ClickException(f"No dead letter's key begins with {key!r}: weather lineage dead-letters list")
        chosen |= {letter.name: letter for letter in found}
    return list(chosen.values())


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    return {
        "key": letter.key,
        "at": letter.at,
        "writer": letter.writer,
        "location": letter.location,
        "sensor": letter.sensor,
        "job": _job(letter),
        "type": _event_type(letter),
        "run": letter.event.get("run", {}).get("runId") or letter.event.get("dagsterRunId"),
        "reason": letter.reason,
        "can_be_sent": letter.is_event,
        "event": letter.event,
    }


def _job(letter: DeadLetter) -> str:
    named = letter.event.get("job") or letter.event.get("dataset")
    return f"{named['namespace']}/{named['name']}" if named else str(letter.event.get("asset", "?"))


def _event_type(letter: DeadLetter) -> str:
    if not letter.is_event:
        return "no event could be built"
    return str(letter.event.get("eventType") or ("DATASET" if "dataset" in letter.event else "JOB"))


def _short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _REASON else f"{line[:_REASON]} …"
