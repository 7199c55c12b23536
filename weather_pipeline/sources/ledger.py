"""The budget of a limited service, shared by all runs of a state directory through one small SQLite file.

Open-Meteo counts by IP address, so a machine is the right scope: the ledger needs no warehouse, and machines with
addresses of their own have budgets of their own. Where several share an address, the server's 429 corrects the ledger.
SQLite, because its transactions hold between processes and survive one that dies half-way.
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from weather_pipeline.errors import (
    FOR_GOOD,
    ConfigurationError,
    SourceQuotaSpent,
    SourceRateLimited,
    SourceRejected,
    StoreUnavailable,
)
from weather_pipeline.sources.budget import Full, Limits, Period, spend

_BUSY_SECONDS = 30.0
_CLOSED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY})
"""SQLite's errors of access rights; the upper bits of a code say more."""
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS spent
       (account TEXT, period INTEGER, begin INTEGER, weight REAL, PRIMARY KEY (account, period))""",
    """CREATE TABLE IF NOT EXISTS closed (account TEXT PRIMARY KEY, until REAL, quota INTEGER, message TEXT)""",
)


class Ledger(Protocol):
    """What is left of a service's limits."""

    def charge(self, weight: float) -> None:
        """Take the weight of a request that is about to be sent.

        Raises:
            SourceRateLimited: The minute is spent.
            SourceQuotaSpent: The hour or the day is spent.
            SourceRejected: The request alone is heavier than a limit.
        """
        ...

    def close(self, error: SourceRateLimited | SourceQuotaSpent) -> None:
        """Remember that the server refuses requests for a while; it knows better than we do."""
        ...


def ledger_file(home: Path) -> Path:
    """Where the ledger of a state directory lies."""
    return home / "source-budget.sqlite"


class FileLedger:
    """The ledger of one account in a SQLite file.

    Args:
        path: The file; made where it is missing.
        account: What the limits are for; one file holds several.
        limits: The limits.
        setting: How the settings with the limits begin, for messages: `WEATHER_OPEN_METEO`.
        clock: Seconds since 1970.
    """

    def __init__(
        self, path: Path, account: str, limits: Limits, *, setting: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._account = account
        self._limits = limits
        self._setting = setting
        self._clock = clock

    def charge(self, weight: float) -> None:
        """Take the weight of a request that is about to be sent (see `Ledger.charge`).

        Raises:
            ConfigurationError: The file is no ledger, or can't be one where it lies.
            StoreUnavailable: The file can't be read or written now.
        """
        with self._transaction() as connection:
            now = self._clock()
            self._refuse_while_closed(connection, now)
            rows = connection.execute("SELECT period, begin, weight FROM spent WHERE account = ?", (self._account,))
            spent = {Period(period): (begin, used) for period, begin, used in rows}
            after = spend(spent, self._limits, weight, now)
            if isinstance(after, Full):
                raise self._refusal(after, weight, now)
            connection.executemany(
                "INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?)",
                [(self._account, period.value, *window) for period, window in after.items()],
            )

    def close(self, error: SourceRateLimited | SourceQuotaSpent) -> None:
        """Remember a refusal of the server until its end (see `Ledger.close`)."""
        with self._transaction() as connection:
            quota = isinstance(error, SourceQuotaSpent)
            until = error.retry_from.timestamp() if quota else self._clock() + error.retry_after
            connection.execute(
                "INSERT INTO closed VALUES (?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET until = excluded.until, "
                "quota = excluded.quota, message = excluded.message WHERE excluded.until > until",
                (self._account, until, quota, error.message),
            )

    def _refuse_while_closed(self, connection: sqlite3.Connection, now: float) -> None:
        row = connection.execute(
            "SELECT until, quota, message FROM closed WHERE account = ? AND until > ?", (self._account, now)
        ).fetchone()
        if row is None:
            return
        until, quota, message = row
        known = f"An earlier request was refused, so nothing was asked now: {message}"
        if quota:
            raise SourceQuotaSpent(known, datetime.fromtimestamp(until, UTC))
        raise SourceRateLimited(known, until - now)

    def _refusal(self, full: Full, weight: float, now: float) -> Exception:
        period = full.period.name.lower()
        setting = f"{self._setting}_{full.period.name}_LIMIT"
        if not full.ever:
            return SourceRejected(
                f"The request weighs {weight:g}, more than the {full.limit:g} that {self._account} allows in a "
                f"{period}: it is not sent. Ask for fewer hours at once, or check {setting}."
            )
        left = (
            f"{full.left:g} of {full.limit:g} are left of {self._account}'s budget for this {period}, and the request "
            f"weighs {weight:g}: it is not sent."
        )
        if full.period is Period.MINUTE:
            wait = full.ends - now
            return SourceRateLimited(f"{left} Try again in {wait:.0f} s. {setting} sets the budget.", wait)
        retry_from = datetime.fromtimestamp(full.ends, UTC)
        return SourceQuotaSpent(
            f"{left} {setting} sets the budget. Retry from {retry_from:%Y-%m-%dT%H:%M:%SZ}.", retry_from
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other process writes in; undone where the body raises."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(
                sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            ) as connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    connection.execute(statement)
                yield connection
                connection.execute("COMMIT")
        except (sqlite3.OperationalError, OSError) as error:
            if _is_for_good(error):
                raise ConfigurationError(
                    f"The budget can't be kept in {self._path}: {error}. Check WEATHER_HOME and its access rights."
                ) from error
            raise StoreUnavailable(
                f"The budget in {self._path} can't be used now: {error}. Check that the disk has space and works."
            ) from error
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"{self._path} is no budget: {error}. Delete it; it is made anew.") from error


def _is_for_good(error: sqlite3.OperationalError | OSError) -> bool:
    """Whether it stays so until somebody changes the directory."""
    if isinstance(error, OSError):
        # EEXIST: a file stands where the directory is to be made.
        return error.errno in FOR_GOOD or error.errno == errno.EEXIST
    return error.sqlite_errorcode & 0xFF in _CLOSED
