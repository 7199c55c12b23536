"""Hours: the partitions of every weather asset."""

from datetime import timedelta

import dagster as dg

HOURLY = dg.HourlyPartitionsDefinition(start_date="2026-01-01-00:00", timezone="UTC")
"""One partition for each complete hour, UTC."""

IN_DAYS = dg.BackfillPolicy.multi_run(max_partitions_per_run=24)
"""A backfill takes a day in one run: one request, one load."""

FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=2), warn_window=timedelta(minutes=75))
"""The schedule runs at five past: an hour that failed is late after 75 minutes and stale after two hours."""
