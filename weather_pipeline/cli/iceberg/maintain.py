"""`weather iceberg maintain`: the maintenance of tables, with the running stack's catalog."""

from __future__ import annotations

from pathlib import Path

import click

from weather_pipeline.cli.common import home_option, read_settings
from weather_pipeline.cli.drivers import exit_code, run_driver
from weather_pipeline.cli.iceberg.common import catalog_environment

_MODULE = "weather_pipeline.spark.maintain_tables"


@click.command(
    epilog="""
    \b
    Examples:
      weather iceberg maintain
      weather iceberg maintain demo.news.articles_raw
      weather iceberg maintain --dry-run

    \b
    Exit codes: 0 done; 1 a table could not be maintained, and is named: the others were; 1 too where SIGTERM ended it;
    2 wrong usage; 130 interrupted.
    """
)
@click.argument("tables", nargs=-1, metavar="[TABLE]…")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@home_option
def maintain(*, tables: tuple[str, ...], dry_run: bool, home: Path | None) -> None:
    """Join small files, expire old snapshots and remove orphan files: of each TABLE, or of all that our jobs write."""
    environment = catalog_environment(read_settings(home))
    code = run_driver(_MODULE, *tables, *(("--dry-run",) if dry_run else ()), environment=environment)
    click.get_current_context().exit(exit_code(code))
