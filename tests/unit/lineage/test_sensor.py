"""What the sensor is before it is evaluated: how often it asks for that, and what loading it costs."""

import subprocess
import sys

import pytest

from weather_pipeline.lineage.sensor import build_openlineage_sensor

DAEMON_SECONDS = 5.0


@pytest.mark.parametrize(("asked", "looks"), [(1, 1), (5, 1), (10, 2), (30, 6)])
@pytest.mark.parametrize("early", [0.0, 0.2])
def test_no_look_of_the_daemon_is_missed(asked: int, looks: int, early: float):
    sensor = build_openlineage_sensor(namespace="tests", url="http://localhost:5000", interval_seconds=asked)
    interval = sensor.minimum_interval_seconds
    assert interval is not None
    # The daemon evaluates a sensor at the first look at which its interval has passed (is_under_min_interval).
    passed = next(n for n in range(1, 100) if n * DAEMON_SECONDS - early >= interval)
    assert passed == looks


def test_a_run_s_process_does_not_load_what_sends():
    code = """
import sys
from pathlib import Path

from weather_pipeline.lineage import build_openlineage_sensor
from weather_pipeline.lineage.spool.sensor import build_spool_sensor

build_openlineage_sensor(namespace="tests", url="http://localhost:5000")
build_spool_sensor(Path("spool"), url="http://localhost:5000")
print([name for name in sys.modules if name.startswith("openlineage.") or name.endswith((".delivery", ".forward"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
