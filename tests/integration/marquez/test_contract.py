"""The recorded exchanges of a real Marquez, replayed in order against an empty service.

The recording's own script compares, with its normalisation. What differs is exactly what `docs/lineage-service.md`
explains: any other difference fails, and so does a deviation that no longer is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest

from tests.conftest import SHARED
from tests.integration.marquez.conftest import LineageService

pytestmark = pytest.mark.integration

_RECORDING = SHARED / "marquez"
_JOBS = "/api/v1/namespaces/weather-pipeline/jobs"

_LATE_START = "a late START does not undo the COMPLETE that is newer"
_NEWEST_RUN = "a job's current run is the newest by event time, not by arrival"
_NO_OWNER = "PUT of a namespace without an owner is accepted, so the namespace is there afterwards"
_UPDATED = "a job's updatedAt is the newest event time, not the server's clock"
_NEVER_RAN = "a filter on the state of the last run leaves out jobs that never ran"
_TIES = "events of the same time have no fixed order"

DEVIATIONS = {
    "/api/v1/jobs/runs/0199a000-0000-7000-8000-000000000021": (1, _LATE_START),
    f"{_JOBS}/odd/runs": (1, _LATE_START),
    f"{_JOBS}/odd": (2, _LATE_START),
    _JOBS: (1, _LATE_START),
    "/api/v1/jobs": (1, _LATE_START),
    "/api/v1/lineage?nodeId=dataset%3Apostgres%3A%2F%2Flocalhost%3A5432%3A"
    "weather.weather.weather_near_towers&depth=20": (1, _NEWEST_RUN),
    "/api/v1/namespaces": (2, _NO_OWNER),
    "/api/v1/jobs?limit=2&offset=1": (1, _UPDATED),
    "/api/v1/jobs?lastRunStates=FAILED": (1, _NEVER_RAN),
    "/api/v1/events/lineage?limit=5&sortDirection=desc": (1, _TIES),
    "/api/v1/events/lineage?limit=2&offset=2": (1, _TIES),
}
SCORE = (507, 520)


@pytest.mark.skipif(not _RECORDING.exists(), reason=f"the recording is not here: {_RECORDING}")
def test_a_real_marquez_answers_the_same(service: LineageService) -> None:
    script, recording = _RECORDING / "compare.py", _RECORDING / "exchanges.ndjson"
    command = [sys.executable, str(script), service.url, str(recording), "--show", "520", "--min", "0"]
    report = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout.splitlines()

    differences = Counter(line.split()[1] for line in report[:-1])
    unexplained = [line for line in report[:-1] if line.split()[1] not in DEVIATIONS]
    assert not unexplained
    assert differences == {path: count for path, (count, _) in DEVIATIONS.items()}
    found = re.match(r"(\d+) of (\d+) ", report[-1])
    assert found is not None
    assert (int(found[1]), int(found[2])) == SCORE
