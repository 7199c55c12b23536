"""Why a reading was quarantined, in words: the variable, the value received with its unit, and the bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weather_pipeline.weather.rules import Kind, Rule
from weather_pipeline.weather.units import MPH_IN_MS


def reason(rule: Rule, row: Mapping[str, Any], units: Mapping[str, str]) -> str:
    """Say why a row failed a rule.

    Args:
        rule: The rule that failed.
        row: The row with `location_id`, `time`, `hour`, and for each column the stored and the received value
            (`raw_…`).
        units: Variable → unit received.
    """
    match rule.kind:
        case Kind.RANGE:
            return _out_of_range(rule, row, units)
        case Kind.TIME_VALID:
            return f"time {row['time']!r} is no ISO 8601 hour"
        case Kind.IN_HOUR:
            return f"time {row['time']} does not belong to the hour {row['hour']:%Y-%m-%dT%H:%M}Z of its file"
        case Kind.LOCATION_PRESENT:
            return "the reading names no place"
        case Kind.READING_PRESENT:
            return "no variable has a value: the source had no reading for this place and hour"
        case _:
            return f"{rule.description}: failed"


def _out_of_range(rule: Rule, row: Mapping[str, Any], units: Mapping[str, str]) -> str:
    column, low, high = str(rule.variable), rule.low, rule.high
    if low is None or high is None:
        raise AssertionError(f"range rule {rule.name} has no bounds")
    variable = str(rule.received_as)
    value, received, unit = row[column], row[f"raw_{column}"], units.get(variable, "(no unit)")
    side, bound = ("below", low) if value < low else ("above", high)
    others = []
    if unit != rule.unit:
        others.append(_amount(value, rule.unit))
    if rule.unit == "m/s" and unit not in ("mph", "mp/h"):
        others.append(_mph(value))
    bound_text = _amount(bound, rule.unit)
    if rule.unit == "m/s":
        bound_text += f" ({_mph(bound)})"
    also = f" ({', '.join(others)})" if others else ""
    return f"{variable} is {_amount(received, unit)}{also}, {side} {bound_text}: {rule.bound_source}"


def _amount(value: float, unit: str | None) -> str:
    return f"{value:,.1f}".removesuffix(".0") + f" {unit}"


def _mph(metres_per_second: float) -> str:
    return f"{metres_per_second / MPH_IN_MS:,.0f} mph"
