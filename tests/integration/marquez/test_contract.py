"""The recorded exchanges of a real Marquez, replayed in order against an empty service.

What differs is exactly what `docs/lineage-service.md` explains: any other difference fails, and so does a deviation
that no longer is one.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.integration.marquez.comparison import replay
from tests.integration.marquez.conftest import LineageService
from tests.marquez_double import exchanges

pytestmark = pytest.mark.integration

_JOBS = "/api/v1/namespaces/weather-pipeline/jobs"

_LATE_START = "a late START does not undo the COMPLETE that is newer"
_NEWEST_RUN = "a job's current run is the newest by event time, not by arrival"
_NO_OWNER = "PUT of a namespace without an owner is accepted, so the namespace is there afterwards"
_UPDATED = "a job's updatedAt is the newest event time, not the server's clock"
_NEVER_RAN = "a filter on the state of the last run leaves out jobs that never ran"
_BATCH = "the batch that this Marquez does not know is stored, so there is one event more"
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
    "/api/v1/events/lineage?limit=3&sortDirection=asc&before=2031-01-01T00:00:00Z&after=2025-01-01T00:00:00Z": (
        1,
        _BATCH,
    ),
    "/api/v1/events/lineage?limit=5&sortDirection=desc": (1, _TIES),
    "/api/v1/events/lineage?limit=2&offset=2": (1, _TIES),
}
SCORE = (506, 520)


def test_a_real_marquez_answers_the_same(service: LineageService) -> None:
    comparison = replay(service.url, exchanges())

    unexplained = [(path, what) for path, what in comparison.differences if path not in DEVIATIONS]
    assert not unexplained
    counts = Counter(path for path, _ in comparison.differences)
    assert counts == {path: count for path, (count, _) in DEVIATIONS.items()}
    assert (comparison.compared - len(comparison.differences), comparison.compared) == SCORE
