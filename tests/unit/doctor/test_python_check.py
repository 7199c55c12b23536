"""Versions that are supported, met, and as locked."""

from dataclasses import replace
from importlib import metadata

import pytest

from tests.unit.doctor import troubles
from weather_pipeline.doctor.finding import Status
from weather_pipeline.doctor.python_check import PythonFacts, judge, locked_versions, unmet_requirements

GOOD = PythonFacts("3.12.4", "<3.14,>=3.11", 64, "Linux x86_64", virtual=True, locked=90)


def test_all_well() -> None:
    (finding,) = judge(GOOD)
    assert finding.found == "3.12.4 on Linux x86_64 in a virtual environment; 90 packages as locked"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(GOOD, version="3.10.1"), {"version": Status.PROBLEM}),
        (replace(GOOD, version="3.14.0"), {"version": Status.PROBLEM}),
        (replace(GOOD, bits=32), {"bits": Status.PROBLEM}),
        (replace(GOOD, unmet={"duckdb>=1.4": None}), {"requirements": Status.PROBLEM}),
        (replace(GOOD, broken={"pyarrow": "ImportError: no libarrow"}), {"imports": Status.PROBLEM}),
        (replace(GOOD, differing={"rich": ("14.0", "13.0")}), {"lock": Status.WARNING}),
        (replace(GOOD, virtual=False, locked=0), {}),
    ],
)
def test_each_trouble(facts: PythonFacts, expected: dict[str, Status]) -> None:
    assert troubles(judge(facts)) == expected


def test_many_packages_are_not_all_named() -> None:
    (finding,) = judge(replace(GOOD, differing={f"p{number}": ("1", "2") for number in range(9)}))
    assert finding.found.startswith("9 packages differ")
    assert finding.found.endswith("and 4 more.")


def test_requirements_are_compared_with_what_is_installed() -> None:
    there = metadata.version("rich")
    requirements = [
        "rich>=1",
        "rich>=999; extra == 'stack'",
        "no-such-package-here>=2",
        "another-one; extra == 'not-ours'",
        "a-third-one; python_version < '3'",
    ]
    assert unmet_requirements(requirements) == {"rich>=999": there, "no-such-package-here>=2": None}


def test_our_own_requirements_are_met() -> None:
    assert unmet_requirements(metadata.requires("weather-pipeline") or []) == {}


def test_a_lock_is_read_for_this_python() -> None:
    lines = [
        "rich==14.1 \\",
        "    --hash=sha256:abc \\",
        "# a comment",
        "psycopg[binary]==3.2.1 ; python_version >= '3' \\",
        "old==1 ; python_version < '3' \\",
    ]
    assert dict(locked_versions(lines)) == {"rich": "14.1", "psycopg": "3.2.1"}
