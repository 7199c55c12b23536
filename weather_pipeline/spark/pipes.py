"""Tell the Dagster asset that launched this process what it did; nothing where none did."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, open_dagster_pipes


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
