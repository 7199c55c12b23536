"""`weather up` with a tiny code location and stand-in services, as a process that tests can signal and kill."""

import sys
from dataclasses import replace
from functools import partial

import click

from tests.integration.stack import TINY
from weather_pipeline.cli import exit_code
from weather_pipeline.cli.common import home_option, port_offset_option, read_settings
from weather_pipeline.cli.progress import Progress
from weather_pipeline.cli.up import run_stack


@click.command()
@click.option("--once", is_flag=True)
@click.option("--definitions", default=TINY.definitions)
@port_offset_option
@home_option
def tiny(once, definitions, port_offset, home):
    modules = replace(TINY, definitions=definitions)
    run_stack(read_settings(home, port_offset), Progress(), once=once, modules=modules)


if __name__ == "__main__":
    sys.exit(exit_code(partial(tiny.main, standalone_mode=False)))
