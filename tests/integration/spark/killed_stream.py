"""The streaming job, killed after it has written its second micro-batch and before the checkpoint knows of it."""

from __future__ import annotations

import os
import signal

from pyspark.sql import DataFrame

from weather_pipeline.spark import stream_write_raw_with_lineage as job


class Killed(job.ArticleStream):
    def write(self, messages: DataFrame, number: int) -> None:
        super().write(messages, number)
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    job.ArticleStream = Killed  # type: ignore[misc]
    job.main([])
