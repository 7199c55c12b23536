"""Space, inodes, and what can't be written."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.doctor import command, troubles
from weather_pipeline.doctor.disk import Place, in_words, judge_places
from weather_pipeline.doctor.disk_check import Usage, judge_memory, judge_usage
from weather_pipeline.doctor.finding import Status

GIGABYTE = 10**9
HOME = Place(("state",), Path("/h/.weather"), Path("/h"), 1, 50 * GIGABYTE, 10**6, writable=True)
TEMPORARY = replace(HOME, uses=("temporary files",), path=Path("/t"), existing=Path("/t"))


def test_places_of_one_file_system_share_a_line() -> None:
    (finding,) = judge_places([HOME, TEMPORARY])
    assert finding.found == "50 GB are free for state and temporary files"
    assert len(judge_places([HOME, replace(TEMPORARY, device=2)])) == 2


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (replace(HOME, free=GIGABYTE), {"space": Status.WARNING}),
        (replace(HOME, free=10**8), {"space": Status.PROBLEM}),
        (replace(HOME, inodes=5), {"inodes": Status.PROBLEM}),
        (replace(HOME, inodes=None), {}),
        (replace(HOME, writable=False), {"state": Status.PROBLEM}),
        (replace(HOME, blocked_by=Path("/h/.weather")), {"state": Status.PROBLEM}),
    ],
)
def test_each_trouble(place: Place, expected: dict[str, Status]) -> None:
    assert troubles(judge_places([place])) == expected


def test_shared_memory() -> None:
    shared = replace(HOME, path=Path("/dev/shm"), existing=Path("/dev/shm"), free=10**9)
    assert judge_memory(None) == judge_memory(shared) == []
    assert troubles(judge_memory(replace(shared, free=10**6))) == {"shared memory": Status.WARNING}
    assert troubles(judge_memory(replace(shared, existing=Path("/dev")))) == {"shared memory": Status.WARNING}


def test_usage() -> None:
    assert judge_usage(Usage(), command) == []
    (finding,) = judge_usage(Usage(90_000_000, 1_000_000), command)
    assert finding.found == "the state directory has 90 MB, 1 MB of it logs"
    assert troubles(judge_usage(Usage(10**10, 10**9), command)) == {"usage": Status.WARNING}


@pytest.mark.parametrize(
    ("size", "words"), [(12, "12 B"), (90_400, "90 kB"), (67_900_000_000, "68 GB"), (1.2e12, "1.2 TB")]
)
def test_sizes_in_words(size: float, words: str) -> None:
    assert in_words(size) == words
