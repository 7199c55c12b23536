"""All checks, in the order in which they are shown. The clock comes last: it needs what the others heard."""

from __future__ import annotations

from weather_pipeline.doctor import (
    backend_check,
    daemon_check,
    database_check,
    disk_check,
    lake_check,
    network_check,
    ports_check,
    python_check,
    registries_check,
    settings_check,
    spark_check,
    stack_check,
)

CLOCK = "clock"
SETTINGS = settings_check.CHECK.name

CHECKS = (
    settings_check.CHECK,
    python_check.CHECK,
    registries_check.CHECK,
    ports_check.CHECK,
    disk_check.CHECK,
    stack_check.CHECK,
    network_check.CHECK,
    database_check.CHECK,
    lake_check.CHECK,
    backend_check.CHECK,
    daemon_check.CHECK,
    spark_check.CHECK,
)

NAMES = (*(check.name for check in CHECKS), CLOCK)
"""The names of all checks."""

HEAR_CLOCKS = ("network", "database", "lake", "backend")
"""Checks that hear other clocks on their way."""
