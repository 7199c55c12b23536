"""`weather lineage explain`: what would be sent, and why so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.lineage.common import Where, asset_path, did_you_mean, json_option, project_options, rows

if TYPE_CHECKING:
    from weather_pipeline.lineage.explain import Explained, Explanation
    from weather_pipeline.lineage.projects import Project

_WIDTH = 72
_COLOURS = {"definition": "cyan", "metadata": "green", "log": None, "settings": "magenta", "hook": "yellow"}


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage explain 4f7c21e0
      weather lineage explain shop/orders
      weather lineage explain shop/orders --json | jq '.definition.events[].event'

    \b
    Where a part came from: definition (the asset's, in code), metadata (of a materialization, an observation, a
    check), log (Dagster's event log), settings (the sensor's), hook (a function of your own).

    \b
    Exit codes: 0 explained; 1 no such run or asset, or the project can't be read; 2 wrong usage.
    """
)
@click.argument("what", metavar="RUN|ASSET")
@json_option
@project_options
def explain(*, where: Where, what: str, as_json: bool) -> None:
    """Show the events of a Dagster run or of an asset, without sending them.

    RUN is a run's id or its beginning. ASSET is an asset key such as shop/orders: what its definition says, and what
    the newest run that was to materialize it gives rise to, also one that failed. Every name and facet comes with where
    it was found, and what is withheld with why.
    """
    with where.opened() as project:
        found = _explained(project, what)
    if as_json:
        click.echo(json.dumps({name: each and each.as_json() for name, each in found.items()}))
        return
    titles = {"definition": "By its definition", "run": "By its run"}
    for name, explanation in found.items():
        if explanation is not None:
            click.echo("\n".join(_lines(titles[name], explanation)))


def _explained(project: Project, what: str) -> dict[str, Explanation | None]:
    from weather_pipeline.lineage.catalog import RepositoryCatalog
    from weather_pipeline.lineage.explain import NotFound, explain_asset, explain_run, find_run, jobs_of, last_run_of

    now, options, path = datetime.now(UTC), project.options, asset_path(what)
    catalog = RepositoryCatalog(project.repository, project.instance)
    if catalog.get(path) is None and "/" not in what:
        try:
            run = find_run(project.instance, what)
        except NotFound as error:
            raise NotFound(
                f"{error} It is no asset of this code location either.{did_you_mean(catalog, what)}"
            ) from None
        told = explain_run(project.instance, run, project.builder(), options, now, letters=project.letters)
        return {"definition": None, "run": told}
    definition = explain_asset(catalog, path, options, now)
    run = last_run_of(project.instance, path)
    told = None
    if run is not None:
        jobs = jobs_of(catalog, path, options)
        told = explain_run(
            project.instance, run, project.builder(), options, now, letters=project.letters, jobs=jobs, about=path
        )
    return {"definition": definition, "run": told}


def _lines(title: str, explanation: Explanation) -> Iterator[str]:
    run = explanation.run
    yield click.style(title if run is None else f"{title} {run.run_id}", bold=True)
    if run is not None:
        pairs = [("Dagster job", run.job_name), ("created", f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC")]
        yield rows([*pairs, ("location", run.location or "none")])
    if not explanation.events:
        yield "  no events"
    for each in explanation.events:
        yield from _event_lines(each)
    for problem in explanation.withheld:
        yield click.style(f"withheld  {problem.about}: {problem.reason}", fg="red")
    yield ""


def _event_lines(each: Explained) -> Iterator[str]:
    body = each.as_json()
    event = body["event"]
    named = event.get("job") or event["dataset"]
    yield ""
    yield click.style(f"{body['type']:<9} {body['time']}  {named['namespace']}/{named['name']}", bold=True)
    if "run" in event:
        yield f"  run id {event['run']['runId']}"
    if each.refused:
        yield click.style(f"  refused, a dead letter: {each.refused}", fg="red")
    for statement in body["statements"]:
        yield from _statement_lines(statement["where"], statement["origin"])
    for left_out in body["withheld"]:
        yield click.style(f"  {left_out['where']:<{_WIDTH}} withheld: {left_out['reason']}", fg="red")


def _statement_lines(where: str, origin: str) -> Iterator[str]:
    """A line for a part; a dataset's own line is that of its name, and its facets stand below it."""
    dataset, is_of_dataset, part = where.rpartition("].")
    if is_of_dataset and part == "name":
        side, _, name = dataset.partition("[")
        text = f"  {side.removesuffix('s')} {name}"
    else:
        text = f"    {part}" if is_of_dataset else f"  {where}"
    yield f"{text:<{_WIDTH}} {click.style(origin, fg=_COLOURS.get(origin))}"
