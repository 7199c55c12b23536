"""The clock: compared with those of the servers that answered anyway; and the time zones."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from datetime import UTC, datetime

from weather_pipeline.doctor.clock_reading import ClockReading
from weather_pipeline.doctor.finding import Finding, listed, ok, problem, skipped, warning

_NOTABLE = 10.0
"""Seconds. A run's events get their times from the machine that ran it, and lineage is put in order by them."""

_GRAVE = 600.0
"""Seconds. S3 servers refuse requests signed 15 minutes off, and the hour that is due is soon another one."""

_ZONES = ("UTC", "Europe/Amsterdam")
_RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock is right that shows a time before this program was written."""

_SET_CLOCK = "Let the system keep the time by NTP (Linux: `timedatectl set-ntp true`; macOS: Settings, Date & Time)."


def clock_findings(readings: Sequence[ClockReading]) -> list[Finding]:
    """Look at the time zones and the clock, with what others said about the time."""
    return judge_clock(datetime.now(UTC), readings, missing_zones())


def missing_zones() -> list[str]:
    """Time zones that this machine has no data of."""

    def is_missing(zone: str) -> bool:
        try:
            zoneinfo.ZoneInfo(zone)
        except zoneinfo.ZoneInfoNotFoundError:
            return True
        return False

    return [zone for zone in _ZONES if is_missing(zone)]


def judge_clock(now: datetime, readings: Sequence[ClockReading], missing: Sequence[str]) -> list[Finding]:
    """What to say of the time.

    Args:
        now: Our clock.
        readings: What others said.
        missing: Time zones without data.
    """
    findings = []
    if missing:
        findings.append(
            problem(
                "time zones",
                f"There is no data of the time zone {listed(list(missing))}.",
                cause="The system's time zone database is missing, as in some small container images.",
                remedy="Install it: `apt-get install tzdata`, or into this environment:",
                command="python -m pip install tzdata",
            )
        )
    if now < _RELEASED:
        found = f"The clock shows {now:%Y-%m-%d %H:%M} UTC, before this program was written."
        findings.append(problem("time", found, cause="The clock was never set.", remedy=_SET_CLOCK))
    off = [reading for reading in readings if _off(reading) > _NOTABLE]
    findings += [_judge_reading(reading, readings) for reading in off]
    if not findings:
        findings.append(_all_well(readings))
    return findings


def _all_well(readings: Sequence[ClockReading]) -> Finding:
    if not readings:
        return skipped("time", "nothing outside this machine answered, so there is no other clock to compare with")
    worst = max(readings, key=lambda reading: abs(reading.ahead))
    within = max(1.0, abs(worst.ahead) + worst.uncertainty)
    names = listed([reading.source for reading in readings])
    return ok("time", f"within {within:.0f} s of {names}")


def _judge_reading(reading: ClockReading, readings: Sequence[ClockReading]) -> Finding:
    direction = "behind" if reading.ahead > 0 else "ahead of"
    found = f"This machine's clock is {_duration(abs(reading.ahead))} {direction} the clock of {reading.source}."
    agreeing = [other.source for other in readings if _off(other) <= _NOTABLE]
    if agreeing:
        cause = f"The clock of {reading.source} is wrong: this machine agrees with {listed(agreeing)}."
        remedy = f"Set the clock of {reading.source}: times from there are compared with times from here."
    else:
        cause = "One of the two clocks is wrong; more likely this machine's." + (
            " S3 servers refuse requests signed more than 15 minutes off, and certificates seem expired."
            if _off(reading) > _GRAVE
            else " Events of runs get times out of order with those of other machines."
        )
        remedy = _SET_CLOCK
    make = problem if _off(reading) > _GRAVE else warning
    return make("time", found, cause=cause, remedy=remedy)


def _off(reading: ClockReading) -> float:
    """Seconds by which the clocks differ at least."""
    return max(0.0, abs(reading.ahead) - reading.uncertainty)


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
