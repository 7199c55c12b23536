"""The panel at the end of a demo: where everything is, what ran, what to try next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from weather_pipeline.cli.addresses import address_lines, for_people, page_address
from weather_pipeline.cli.common import count_text, weather_command
from weather_pipeline.cli.symbols import printable
from weather_pipeline.settings import SourceName

if TYPE_CHECKING:
    from weather_pipeline.cli.demo import Outcome
    from weather_pipeline.cli.demo_spark import SparkOutcome
    from weather_pipeline.stack.plan import StackOptions

_TITLE = "weather_pipeline is up"

_SOURCES = {
    SourceName.OPEN_METEO: "live data of Open-Meteo",
    SourceName.OPEN_METEO_ARCHIVE: "Open-Meteo's archive (reanalysis)",
    SourceName.KNMI: "observations of KNMI's stations",
    SourceName.REPLAY: "recorded observations (no network needed)",
    SourceName.AUTO: "live data of Open-Meteo",
}


def show_panel(options: StackOptions, outcome: Outcome) -> None:
    """Print the panel on stdout; its lines are never cut or broken, so that commands can be copied.

    The rules above and below are as long as the longest line, and no longer than a terminal is wide.
    """
    console = Console(file=sys.stdout)
    lines = [printable(line, console.encoding) for line in panel_lines(options, outcome)]
    longest = max(len(line) for line in lines)
    width = min(longest, console.width) if console.is_terminal else longest
    rule = printable("─", console.encoding)
    text = "\n".join([f" {_TITLE} ".center(width, rule), *lines, rule * width])
    console.print(Text(text), soft_wrap=True)


def panel_lines(options: StackOptions, outcome: Outcome) -> list[str]:
    """The panel's text."""
    settings, lineage = options.settings, options.lineage
    lines = address_lines(settings, lineage.url or lineage.reason)
    lines += ["", *_what_ran(outcome), f"Source        {_SOURCES[settings.source]}", "", "Try next:"]
    lines += [f"  {command}" for command in _commands(options)]
    if outcome.spark is not None:
        lines += [f"  {command}" for command in _spark_commands(options)]
    watch = f" and watch {page_address(settings)}" if lineage.url else ""
    graph = f"{settings.effective_dagster_url}/locations/weather_pipeline/asset-groups/weather"
    lines.append(f"  Then materialize an asset on {graph}{watch}")
    return [*lines, "", "Ctrl-C stops everything. The next start reuses the data."]


def _commands(options: StackOptions) -> list[str]:
    settings, lineage = options.settings, options.lineage
    query = "SELECT source, count(*), max(observed_at) FROM weather.observations GROUP BY 1"
    commands = [weather_command(settings, f'psql -c "{query}"'), weather_command(settings, "status")]
    if lineage.url is not None:
        commands.insert(0, f"curl -s {for_people(lineage.url)}/api/v1/namespaces/{settings.lineage_namespace}/jobs")
    return commands


def _spark_commands(options: StackOptions) -> list[str]:
    settings = options.settings
    return [
        weather_command(settings, f"iceberg show {settings.iceberg_table}"),
        weather_command(settings, "stream run"),
        weather_command(settings, "stream produce"),
    ]


def _what_ran(outcome: Outcome) -> list[str]:
    if outcome.runs:
        runs = "one run" if len(outcome.runs) == 1 else f"{len(outcome.runs)} runs"
        ran = f"{runs} over {outcome.hours} hours, {outcome.seconds:.0f} s of work"
    else:
        ran = f"nothing: all {outcome.hours} hours were there"
    lines = [
        f"Ran           {ran}",
        f"Rows          {count_text(outcome.rows)} in weather.observations for these hours",
    ]
    if outcome.lineage is not None:
        found = outcome.lineage
        counts = f"{len(found.jobs)} jobs, {len(found.datasets)} datasets, {len(found.edges)} edges"
        lines.append(f"Lineage       {counts}, all complete")
    if outcome.spark is not None:
        lines.append(f"Spark         {_what_spark_ran(outcome.spark)}")
    return lines


def _what_spark_ran(outcome: SparkOutcome) -> str:
    ran = f"articles from files and Kafka, and the weather, into Iceberg: {outcome.seconds:.0f} s of work"
    if (found := outcome.lineage) is None:
        return ran
    return f"{ran}; {len(found.jobs)} jobs, {len(found.datasets)} datasets, {len(found.edges)} edges, with columns"
