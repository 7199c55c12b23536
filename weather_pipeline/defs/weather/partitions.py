"""Hours: the partitions of every weather asset, how they are backfilled, and when they are late."""

from datetime import timedelta

import dagster as dg

from weather_pipeline.weather.hours import FIRST_HOUR

HOURLY = dg.HourlyPartitionsDefinition(start_date=FIRST_HOUR, timezone="UTC")
"""One partition for each complete hour, UTC."""

IN_DAYS = dg.BackfillPolicy.multi_run(max_partitions_per_run=24)
"""A backfill takes a day in one run: one request, one load."""

MINUTE_OF_SCHEDULE = 5
"""Minutes past the hour at which the schedule loads the hour that has just ended."""

FRESH = dg.FreshnessPolicy.cron(
    deadline_cron="20 * * * *", lower_bound_delta=timedelta(minutes=20 - MINUTE_OF_SCHEDULE), timezone="UTC"
)
"""Every hour, something must have been loaded between the schedule's time and twenty past.

Dagster judges by the time of the last materialization, whichever partition it was of. A window back from now, as
`FreshnessPolicy.time_window` has it, would so let a backfill of old hours hide for two hours that the schedule fails;
a deadline each hour forgets it at the next one.
"""
