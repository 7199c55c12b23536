"""Thirty runs in a storm: nothing is lost, nothing is told twice differently, and no run feels it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.plan import DAEMON_KILLS, Fault, plan
from tests.chaos.report import section
from tests.chaos.storm import storm
from tests.integration.marquez.conftest import LineageService

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SEED = 20261121
RUNS = 30


def test_everything_arrives_exactly_whatever_fails(tmp_path: Path, new_database: Callable[[], str]) -> None:
    happened: list[str] = []
    service = LineageService(new_database(), tmp_path / "lineage.log")
    account = storm(tmp_path / "dagster", service, seed=SEED, runs=RUNS, tell=happened.append)
    said = json.dumps(account.summary(), indent=2)
    assert account.is_good, "\n".join([*happened, said, *account.findings])
    assert account.daemon_kills == DAEMON_KILLS
    assert set(account.faults) == set(Fault)
    assert account.refused, "what was refused for good was kept"
    assert "| connections from the runs' process | 0 |" in section(account).markdown


def test_the_same_seed_is_the_same_storm() -> None:
    assert plan(7, 300) == plan(7, 300)
    assert plan(7, 300) != plan(8, 300)
