"""On the path of a test's stack: its daemon looks every second for backfills, for which Dagster has no setting."""

import sys

if "dagster._daemon" in sys.orig_argv:
    from dagster._daemon import controller

    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 1
