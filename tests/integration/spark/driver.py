"""A driver without Spark: it leaves the events of a session that it is given, then ends as it is told.

Arguments: the spool's directory, how it ends (`well`, `raise`, `exit`, `wait`, `fork`), and the events as JSON. Says
`ready` once they are written.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from weather_pipeline.settings import load_settings
from weather_pipeline.spark.listener import parent_run
from weather_pipeline.spark.program import program
from weather_pipeline.spark.spool import begin_session


def main(directory: str, end: str, events: str) -> None:
    file = Path(directory) / f"MyJob-{os.getpid()}.ndjson"
    file.parent.mkdir(parents=True, exist_ok=True)
    settings = load_settings()
    begin_session(file, "MyJob", parent=parent_run(settings), launch=settings.spark_launch)
    file.write_text("".join(json.dumps(event) + "\n" for event in json.loads(events)))
    if end == "fork" and os.fork() == 0:
        sys.exit(0)
    with program():
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        if end in {"wait", "fork"}:
            time.sleep(600)
    if end == "raise":
        raise ValueError("the table is gone")
    if end == "exit":
        sys.exit(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
