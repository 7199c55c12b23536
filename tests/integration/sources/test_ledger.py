"""The shared budget: several processes, several clients, and a server that knows better."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from weather_pipeline.errors import (
    ConfigurationError,
    SourceQuotaSpent,
    SourceRateLimited,
    SourceRejected,
    StoreUnavailable,
)
from weather_pipeline.sources.budget import FREE_TIER, Limits
from weather_pipeline.sources.ledger import FileLedger, ledger_file
from weather_pipeline.sources.misbehaviour import Kind, Misbehaviour
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.locations import LOCATIONS

pytestmark = pytest.mark.integration

HOUR = datetime(2026, 5, 1, 10, tzinfo=UTC)
NOON = datetime(2026, 11, 21, 12, 0, 10, tzinfo=UTC)

SPENDER = """
import sys
from pathlib import Path
from weather_pipeline.errors import SourceQuotaSpent
from weather_pipeline.sources.budget import Limits
from weather_pipeline.sources.ledger import FileLedger

ledger = FileLedger(Path(sys.argv[1]), "shared", Limits(day=100), setting="WEATHER_TEST", clock=lambda: 1.79e9)
sys.stdin.readline()
accepted = 0
for _ in range(40):
    try:
        ledger.charge(3)
        accepted += 1
    except SourceQuotaSpent:
        pass
print(accepted)
"""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment.timestamp()


def ledger(home: Path, limits: Limits, moment: datetime = NOON, account: str = "test") -> tuple[FileLedger, Clock]:
    clock = Clock(moment)
    return FileLedger(ledger_file(home), account, limits, setting="WEATHER_OPEN_METEO", clock=clock), clock


def fetch(server: ReplayServer, budget: FileLedger) -> Fetched:
    with OpenMeteoSource(server.url, ledger=budget, first_wait=0) as source:
        return source.fetch(LOCATIONS, HOUR, HOUR + timedelta(hours=1))


def test_processes_that_spend_at_the_same_time_spend_the_budget_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SPENDER, str(ledger_file(tmp_path / "made"))]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate() for process in processes]
    assert [error for _, error in outputs] == [""] * 4
    assert sum(int(output) for output, _ in outputs) == 33


def test_a_process_that_dies_while_it_spends_leaves_the_budget_whole(tmp_path: Path) -> None:
    budget, _ = ledger(tmp_path, Limits(day=100))
    budget.charge(60)
    script = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE');"
        "c.execute('UPDATE spent SET weight = 0'); os.kill(os.getpid(), 9)"
    )
    died = subprocess.run([sys.executable, "-c", script, str(ledger_file(tmp_path))], check=False)
    assert died.returncode == -9
    budget.charge(40)
    with pytest.raises(SourceQuotaSpent):
        budget.charge(1)


def test_each_limit_says_what_to_do(tmp_path: Path) -> None:
    budget, clock = ledger(tmp_path, Limits(minute=30, hour=50, day=60))
    budget.charge(30)
    with pytest.raises(SourceRateLimited, match=r"0 of 30 are left of test's budget for this minute.*50 s") as limited:
        budget.charge(15)
    assert limited.value.retry_after == 50
    clock.moment += timedelta(minutes=1)
    budget.charge(15)
    clock.moment += timedelta(minutes=1)
    with pytest.raises(SourceQuotaSpent, match=r"5 of 50 are left.*this hour.*WEATHER_OPEN_METEO_HOUR_LIMIT") as spent:
        budget.charge(15)
    assert spent.value.retry_from == datetime(2026, 11, 21, 13, tzinfo=UTC)
    assert str(spent.value).endswith("Retry from 2026-11-21T13:00:00Z.")
    clock.moment += timedelta(hours=1)
    budget.charge(15)
    with pytest.raises(SourceQuotaSpent, match=r"0 of 60 are left.*this day") as spent:
        budget.charge(1)
    assert spent.value.retry_from == datetime(2026, 11, 22, tzinfo=UTC)
    with pytest.raises(SourceRejected, match="weighs 31, more than the 30 that test allows in a minute"):
        budget.charge(31)
    clock.moment = spent.value.retry_from
    budget.charge(30)


def test_accounts_have_budgets_of_their_own(tmp_path: Path) -> None:
    one, _ = ledger(tmp_path, Limits(day=10), account="one")
    other, _ = ledger(tmp_path, Limits(day=10), account="other")
    one.charge(10)
    other.charge(10)
    with pytest.raises(SourceQuotaSpent):
        one.charge(1)


def test_a_spent_minute_is_known_before_anything_is_asked(tmp_path: Path) -> None:
    budget, clock = ledger(tmp_path, Limits(minute=20))
    with ReplayServer() as server:
        assert fetch(server, budget).table.num_rows == 15
        with pytest.raises(SourceRateLimited) as limited:
            fetch(server, ledger(tmp_path, Limits(minute=20))[0])
        assert server.answered == 1
        clock.moment += timedelta(seconds=limited.value.retry_after)
        assert fetch(server, budget).table.num_rows == 15


def test_every_attempt_is_charged(tmp_path: Path) -> None:
    budget, _ = ledger(tmp_path, Limits(minute=40))
    with ReplayServer(plan=[Misbehaviour(Kind.OVERLOADED)]) as server:
        with pytest.raises(SourceRateLimited, match="10 of 40 are left"):
            fetch(server, budget)
        assert server.answered == 2


@pytest.mark.parametrize(
    ("kind", "error", "over_after"),
    [
        (Kind.MINUTELY, SourceRateLimited, timedelta(seconds=60)),
        (Kind.CONCURRENT, SourceRateLimited, timedelta(seconds=5)),
        (Kind.HOURLY, SourceQuotaSpent, timedelta(hours=1)),
        (Kind.DAILY, SourceQuotaSpent, timedelta(days=1)),
    ],
)
def test_what_the_server_refuses_is_not_asked_again_by_anyone_before_it_is_over(
    tmp_path: Path, kind: Kind, error: type[SourceRateLimited | SourceQuotaSpent], over_after: timedelta
) -> None:
    now = datetime.now(UTC)
    budget, clock = ledger(tmp_path, FREE_TIER, now)
    other, _ = ledger(tmp_path, FREE_TIER, now)
    with ReplayServer(plan=[Misbehaviour(kind, 1)]) as server:
        with pytest.raises(error, match="answered 429"):
            fetch(server, budget)
        with pytest.raises(error, match=r"An earlier request was refused, so nothing was asked now: .*answered 429"):
            fetch(server, other)
        assert server.answered == 1
        clock.moment += over_after + timedelta(seconds=1)
        assert fetch(server, budget).table.num_rows == 15


def test_a_file_that_is_no_budget_is_named_with_what_to_do(tmp_path: Path) -> None:
    budget, _ = ledger(tmp_path, FREE_TIER)
    ledger_file(tmp_path).write_bytes(b"not a database, but long enough to be read as the header of one" * 20)
    with pytest.raises(ConfigurationError, match=r"source-budget.sqlite is no budget: .*Delete it"):
        budget.charge(1)


def test_a_place_that_can_hold_no_budget_is_named_with_the_setting_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    ledger_file(tmp_path / "home").mkdir(parents=True)
    for home in ("file", "home"):
        budget, _ = ledger(tmp_path / home, FREE_TIER)
        with pytest.raises(ConfigurationError, match=rf"can't be kept in .*{home}/source-budget.* Check WEATHER_HOME"):
            budget.charge(1)


def test_a_budget_that_may_not_be_written_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budget, _ = ledger(tmp_path, FREE_TIER)
    budget.charge(1)
    read_only = f"{ledger_file(tmp_path).as_uri()}?mode=ro"
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda _path, **options: connect(read_only, uri=True, **options))
    with pytest.raises(ConfigurationError, match=r"readonly database.*Check WEATHER_HOME"):
        budget.charge(1)


def test_a_budget_that_another_process_writes_for_too_long_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weather_pipeline.sources.ledger._BUSY_SECONDS", 0.0)
    budget, _ = ledger(tmp_path, FREE_TIER)
    budget.charge(1)
    with contextlib.closing(sqlite3.connect(ledger_file(tmp_path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="can't be used now: database is locked"):
            budget.charge(1)
