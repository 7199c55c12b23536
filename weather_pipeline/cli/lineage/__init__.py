"""`weather lineage`: ask, compare, resend and explain what the exporter sends, in any Dagster project; the service."""

from __future__ import annotations

import click

from weather_pipeline.cli.lineage.dead_letters import dead_letters
from weather_pipeline.cli.lineage.explain import explain
from weather_pipeline.cli.lineage.prune import prune
from weather_pipeline.cli.lineage.publish import publish
from weather_pipeline.cli.lineage.replay import replay
from weather_pipeline.cli.lineage.serve import serve
from weather_pipeline.cli.lineage.spool import spool
from weather_pipeline.cli.lineage.status import status
from weather_pipeline.cli.lineage.verify import verify
from weather_pipeline.cli.lineage.web import web


@click.group(
    epilog="""
    \b
    Examples:
      weather lineage status
      weather lineage verify --since 24h
      DAGSTER_HOME=~/dagster weather lineage status -m my_project.definitions
      weather lineage serve
      weather lineage web --marquez-url http://marquez.example:5000

    \b
    The code location is the one that -m or -f names, else that of pyproject.toml ([tool.dagster] or
    [tool.dg.project]); the instance is that of DAGSTER_HOME, else the running stack's (--home).
    """
)
def lineage() -> None:
    """See, compare, resend and explain the lineage that is sent.

    Works in every Dagster project that has the OpenLineage sensor. `serve` and `web` need
    none: they run the lineage service and its page.
    """


for command in (status, verify, replay, dead_letters, explain, publish, prune, spool, serve, web):
    lineage.add_command(command)
