"""`weather spark jars`: the Java libraries of Spark jobs, fetched once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli.common import home_option, read_settings

if TYPE_CHECKING:
    from weather_pipeline.stack.jars import Jar


@click.command(
    epilog="""
    \b
    Examples:
      weather spark jars
      weather spark jars --s3                                tables on S3 too
      weather spark jars --json | python -m json.tool
      spark-submit --driver-class-path "$(weather spark jars --class-path)" job.py

    \b
    Exit codes: 0 all are there; 1 some can't be had; 2 wrong usage; 130 interrupted: the next call goes on where this
    one ended.
    """
)
@click.option("--s3", is_flag=True, help="Those for tables on S3 too: 69 MB more.")
@click.option("--class-path", "only_path", is_flag=True, help="Print Java's class path of them, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@home_option
def jars(*, s3: bool, only_path: bool, as_json: bool, home: Path | None) -> None:
    """Fetch the jars of Spark jobs: Iceberg, OpenLineage's listener, Kafka, PostgreSQL.

    98 MB, once: what is there is checked by its SHA-256, and asks no network. They go into the state directory, or
    where WEATHER_SPARK_JARS says; they come from the repositories of jgo's configuration, then from Maven Central.
    """
    from weather_pipeline.cli.jars import bring_spark
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.spark.jars import wanted_jars
    from weather_pipeline.stack.jars import class_path

    if only_path and as_json:
        raise click.UsageError("--class-path and --json exclude each other.")
    settings, wanted = read_settings(home), wanted_jars(s3=s3)
    files, fetched = bring_spark(settings, wanted, Progress())
    directory = settings.effective_spark_jars
    if only_path:
        click.echo(class_path(files))
    elif as_json:
        click.echo(json.dumps(report(wanted, files, directory, fetched=fetched)))
    else:
        click.echo(f"{len(files)} jars in {directory}, {fetched or 'none'} of them fetched now.")


def report(jars: Sequence[Jar], files: Sequence[Path], directory: Path, *, fetched: int) -> dict[str, Any]:
    """All of it for programs."""
    from weather_pipeline.stack.jars import class_path

    return {
        "directory": str(directory),
        "fetched": fetched,
        "class_path": class_path(files),
        "jars": [
            {"coordinates": str(jar), "file": str(file), "bytes": file.stat().st_size, "sha256": jar.sha256}
            for jar, file in zip(jars, files, strict=True)
        ],
    }
