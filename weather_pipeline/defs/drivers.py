"""Spark jobs as assets: each runs in a driver of its own, launched by Dagster Pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import dagster as dg

from weather_pipeline.lineage import asset_run_id
from weather_pipeline.lineage.naming import job_name
from weather_pipeline.lineage.spool.launch import launched
from weather_pipeline.settings import load_settings
from weather_pipeline.spark.pipes import ERROR

_PATIENCE = 120.0
"""Seconds in which a driver whose step was cancelled may end by itself, as after its micro-batch."""


def run_driver(
    context: dg.AssetExecutionContext, module: str, *arguments: str
) -> tuple[dg.MaterializeResult, Sequence[Any]]:
    """Run a job. How this step ends is how its application ends in the lineage.

    A step that is cancelled interrupts the driver, and waits for it: two minutes, then it is killed.

    Args:
        context: The asset's.
        module: The job's module.
        arguments: What it is given on its command line.

    Returns:
        The materialization that it reported, and its messages (`spark.pipes.report`).

    Raises:
        Failure: It failed.
        DagsterExecutionInterruptedError: The step was cancelled; the driver has ended.
    """
    settings, run_id = load_settings(), asset_run_id(context)
    parent = f"{settings.lineage_namespace}/{job_name(context.asset_key.path, suffix=settings.job_suffix)}/{run_id}"
    with launched(settings.effective_spark_events) as variables:
        with dg.open_pipes_session(
            context=context.op_execution_context,
            context_injector=dg.PipesTempFileContextInjector(),
            message_reader=dg.PipesTempFileMessageReader(),
        ) as session:
            given = {"OPENLINEAGE_PARENT_ID": parent, **variables, **session.get_bootstrap_env_vars()}
            code = ended([sys.executable, "-m", module, *arguments], environment={**os.environ, **given})
        done = dg.PipesClientCompletedInvocation(session)
        messages = done.get_custom_messages()
        if code:
            raise dg.Failure(f"The driver of {module} ended with code {code}{_why(messages)}")
        return done.get_materialize_result(), messages


def _why(messages: Sequence[Any]) -> str:
    """What the driver says of its failure, behind that it failed."""
    said = [each[ERROR] for each in messages if isinstance(each, Mapping) and ERROR in each]
    return f": {said[-1]}" if said else ": its log says why."


def ended(command: Sequence[str], *, environment: Mapping[str, str], patience: float = _PATIENCE) -> int:
    """Run a command to its end; it does not outlive this call.

    Dagster's own `PipesSubprocessClient` leaves a process behind that takes longer to end, and fails the step of it.

    Args:
        command: Program and arguments.
        environment: All of its variables.
        patience: Seconds between the interrupt that a cancelled step sends it and its being killed.

    Returns:
        Its exit code.

    Raises:
        DagsterExecutionInterruptedError: The step was cancelled.
    """
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
        raise
    finally:
        process.kill()
        process.wait()
