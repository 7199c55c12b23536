"""The streaming job, killed after it has written its second micro-batch and before the checkpoint knows of it."""

from __future__ import annotations

import os
import signal

from pyspark.sql import DataFrame

from weather_pipeline.spark import stream_write_raw_with_lineage as job


class Killed(job.ArticleStream):
    written = 0

    def write(self, messages: DataFrame, number: int) -> None:
        super().write(messages, number)
        self.written += 1
        if self.written == 2:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    job.ArticleStream = Killed  # type: ignore[misc]
    job.main([])
