"""What KNMI's refusals and empty answers mean: the error that says what to do. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from weather_pipeline.errors import SourceRejected, WeatherPipelineError
from weather_pipeline.sources import refusals
from weather_pipeline.sources.answers import NotYetThere, Received
from weather_pipeline.sources.knmi_api import HOW_TO_GET_A_KEY
from weather_pipeline.weather.hours import HOUR

_MEMBERS = ("error", "description", "detail")
"""Where the reason stands: in KNMI's gateway's errors, and in those of EDR servers."""

_MOMENT = re.compile(r"[0-9]{9,11}")
_SECOND_LIMIT_WAIT = timedelta(seconds=5)
_MAY_BE_LATE = timedelta(hours=3)
"""What is not there yet this long after its hour is expected to come."""


def refusal(received: Received, server: str) -> WeatherPipelineError:
    """The error for an answer that is no success.

    KNMI's gateway answers 429 to too many requests a second, and 403 to a quota that is used up.

    Args:
        received: The answer.
        server: The server's base URL.
    """
    message, spent = says(received, server), "quota" in refusals.reason_of(received, _MEMBERS).lower()
    if received.status == HTTPStatus.TOO_MANY_REQUESTS or (spent and received.status in refusals.KEY_REFUSED):
        usual = received.at + (HOUR if spent else _SECOND_LIMIT_WAIT)
        ends = refusals.retry_after(received) or _reset(received) or usual
        return refusals.limit(message, received.at, ends, spent=spent)
    return refusals.refusal(
        received,
        message,
        key_hint="Check the key in WEATHER_KNMI_API_KEY, or in the file that WEATHER_KNMI_API_KEY_FILE names: it must "
        f"be one for the EDR API, not for KNMI's other APIs. {HOW_TO_GET_A_KEY}.",
        url_setting="WEATHER_KNMI_URL",
        about_key=False,
    )


def nothing_there(message: str, start: datetime, end: datetime, now: datetime) -> WeatherPipelineError:
    """The error for an answer without observations: they may be late, or never come.

    Args:
        message: Who answered what.
        start: First hour asked for, UTC.
        end: End of the hours, exclusive.
        now: When it answered, UTC.
    """
    message = f"{message.rstrip('.')}. It has no observations for {start:%Y-%m-%dT%H:%M}Z to {end:%Y-%m-%dT%H:%M}Z"
    if end > now - _MAY_BE_LATE:
        return NotYetThere(f"{message} yet: they may be late.")
    return SourceRejected(f"{message}. Check that the collection goes back so far, and WEATHER_KNMI_URL.")


def says(received: Received, server: str) -> str:
    """What the server says, in words for a message."""
    return f"{server} answered {received.status}: {refusals.reason_of(received, _MEMBERS)}"


def _reset(received: Received) -> datetime | None:
    """When the gateway says that the quota begins anew; None where it says nothing that can be."""
    moment = received.headers.get("X-RateLimit-Reset", "")
    if not _MOMENT.fullmatch(moment):
        return None
    reset = datetime.fromtimestamp(int(moment), UTC)
    return reset if received.at < reset <= received.at + 2 * HOUR else None
