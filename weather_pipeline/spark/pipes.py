"""Tell the Dagster asset that launched this process what it did; nothing where none did."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, open_dagster_pipes

ERROR = "error"
"""The key of the message that says why a job fails."""


def report(metadata: Mapping[str, Any], message: Mapping[str, Any] | None = None) -> None:
    """Report the asset's materialization.

    Args:
        metadata: What is known of it, as Dagster's metadata: text, numbers, JSON.
        message: What else the asset's code is told.
    """
    if DAGSTER_PIPES_CONTEXT_ENV_VAR not in os.environ:
        return
    with open_dagster_pipes() as pipes:
        if message is not None:
            pipes.report_custom_message(dict(message))
        pipes.report_asset_materialization(metadata=dict(metadata))


def report_error(why: str) -> None:
    """Tell the asset's code why the job fails.

    Args:
        why: One line, for people.
    """
    if DAGSTER_PIPES_CONTEXT_ENV_VAR not in os.environ:
        return
    with suppress(Exception), open_dagster_pipes() as pipes:  # what failed is told in the log all the same
        pipes.report_custom_message({ERROR: why})
