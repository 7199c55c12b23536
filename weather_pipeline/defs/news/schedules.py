"""When the topic is read without a job that runs all the time."""

import dagster as dg

from weather_pipeline.defs.news.assets import articles_raw_stream

STREAM_JOB = dg.define_asset_job(
    "articles_raw_stream_job",
    selection=dg.AssetSelection.assets(articles_raw_stream),
    description="What the topic of articles has by now into its table.",
)

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.schedule(job=STREAM_JOB, cron_schedule="*/10 * * * *", default_status=dg.DefaultScheduleStatus.STOPPED)
def articles_raw_stream_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """What came in the last ten minutes, unless the run before still reads: the checkpoint has one reader at a time."""
    before = context.instance.get_runs(dg.RunsFilter(job_name=STREAM_JOB.name, statuses=_UNDER_WAY), limit=1)
    if before:
        return dg.SkipReason(f"The run {before[0].run_id} still reads the topic.")
    return dg.RunRequest()
