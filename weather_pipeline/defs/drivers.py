"""Spark jobs as assets: each runs in a driver of its own, launched by Dagster Pipes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import dagster as dg

from weather_pipeline.lineage import asset_run_id
from weather_pipeline.lineage.naming import job_name
from weather_pipeline.lineage.spool.launch import launched
from weather_pipeline.settings import load_settings


def run_driver(
    context: dg.AssetExecutionContext, module: str, *arguments: str
) -> tuple[dg.MaterializeResult, Sequence[Any]]:
    """Run a job. How this step ends is how its application ends in the lineage.

    A step that is cancelled interrupts the driver, and waits for it.

    Args:
        context: The asset's.
        module: The job's module.
        arguments: What it is given on its command line.

    Returns:
        The materialization that it reported, and its messages (`spark.pipes.report`).

    Raises:
        DagsterPipesExecutionError: It failed.
    """
    settings, run_id = load_settings(), asset_run_id(context)
    parent = f"{settings.lineage_namespace}/{job_name(context.asset_key.path, suffix=settings.job_suffix)}/{run_id}"
    with launched(settings.effective_spark_events) as variables:
        environment = {**os.environ, "OPENLINEAGE_PARENT_ID": parent, **variables}
        done = dg.PipesSubprocessClient().run(
            context=context.op_execution_context, command=[sys.executable, "-m", module, *arguments], env=environment
        )
        return done.get_materialize_result(), done.get_custom_messages()
