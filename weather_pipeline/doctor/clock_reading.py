"""What another machine's clock said, compared with ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class ClockReading:
    """One comparison.

    Attributes:
        source: Whose clock.
        ahead: Seconds by which that clock is ahead of ours.
        uncertainty: Seconds by which `ahead` may be wrong: half the way there and back, and the unit it is told in.
    """

    source: str
    ahead: float
    uncertainty: float


def reading_of_headers(source: str, headers: Mapping[str, str], *, sent: float, received: float) -> ClockReading | None:
    """A reading from the `Date` of an HTTP answer; None where there is none that can be used.

    Args:
        source: Who answered.
        headers: The answer's headers.
        sent: POSIX seconds, by our clock, at which the question left.
        received: The same for the answer.
    """
    if headers.get("Age", "0") != "0":
        return None  # a cache's answer: its date is of long ago
    try:
        told = parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return None
    # `Date` has whole seconds, cut off: half a second later is the best guess.
    return ClockReading(source, told + 0.5 - (sent + received) / 2, 0.5 + (received - sent) / 2)
