"""How much of a limited service is left: weights against the minute, the hour and the day. Pure.

The windows are the server's own: Open-Meteo sets its counters to zero at the beginning of each UTC minute, hour and
day. So three sums are all that must be remembered, and a spent limit ends when its window does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Period(IntEnum):
    """A window of a limit; its value is its length in seconds."""

    MINUTE = 60
    HOUR = 3600
    DAY = 86400

    def begin(self, now: float) -> int:
        """When the window that holds this moment began; both in seconds since 1970."""
        return int(now) // self.value * self.value


@dataclass(frozen=True, slots=True)
class Limits:
    """The weight that each period allows; 0 is no limit."""

    minute: float = 0
    hour: float = 0
    day: float = 0

    def __bool__(self) -> bool:
        return any((self.minute, self.hour, self.day))

    def of(self, period: Period) -> float:
        """The limit of a period."""
        return {Period.MINUTE: self.minute, Period.HOUR: self.hour, Period.DAY: self.day}[period]


FREE_TIER = Limits(minute=600, hour=5_000, day=10_000)
"""Open-Meteo without a key (https://open-meteo.com/en/terms)."""

Spent = Mapping[Period, tuple[int, float]]
"""Period → when its window began, seconds since 1970, and the weight spent since."""


@dataclass(frozen=True, slots=True)
class Full:
    """A request does not fit into what is left.

    Attributes:
        period: The limit that it breaks; the longest, where it breaks several.
        limit: That limit's weight.
        left: What is left of it.
        ends: When it begins anew, seconds since 1970.
        ever: Whether the request fits into a whole window. One that does not is never sent.
    """

    period: Period
    limit: float
    left: float
    ends: int
    ever: bool


def spend(spent: Spent, limits: Limits, weight: float, now: float) -> Spent | Full:
    """Take a request's weight from every window, or from none.

    Args:
        spent: What was spent before.
        limits: The limits.
        weight: The request's weight.
        now: Seconds since 1970.
    """
    after: dict[Period, tuple[int, float]] = {}
    full: Full | None = None
    for period in Period:
        begin, used = period.begin(now), 0.0
        if period in spent and spent[period][0] == begin:
            used = spent[period][1]
        limit = limits.of(period)
        if limit and used + weight > limit and (full is None or full.ever):
            full = Full(period, limit, max(0.0, limit - used), begin + period.value, ever=weight <= limit)
        after[period] = (begin, used + weight)
    return full or after
