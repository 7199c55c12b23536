"""What Open-Meteo's refusals mean: status and reason to the error that says what to do. Pure."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from weather_pipeline.errors import (
    SourceQuotaSpent,
    SourceRateLimited,
    SourceRejected,
    SourceUnavailable,
    WeatherPipelineError,
)
from weather_pipeline.weather.hours import HOUR

_CLIENT_ERRORS, _REDIRECTS = range(400, 500), range(300, 400)
_KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_SECONDS = re.compile(r"[0-9]{1,9}")
_NOT_COVERED = "no data is available for this location"
_CONCURRENT_WAIT, _MINUTE = timedelta(seconds=5), timedelta(minutes=1)
_LONGEST_WAIT = timedelta(minutes=2)
"""How long a limit may last for a step to wait for its end, whatever its reason."""


class PlaceNotCovered(SourceRejected):
    """A place of the request is covered by no model; the answer does not say which."""


def refusal(
    status: int, reason: str, server: str, now: datetime, *, retry_after: str | None = None
) -> WeatherPipelineError:
    """The error for an answer that is not 200.

    Args:
        status: HTTP status.
        reason: The server's own words.
        server: Its base URL.
        now: When it answered, UTC.
        retry_after: The header of this name; Open-Meteo sends none.
    """
    message = f"{server} answered {status}: {reason}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _limit(message, reason, retry_after, now)
    if status == HTTPStatus.BAD_REQUEST and _NOT_COVERED in reason.lower():
        return PlaceNotCovered(message)
    if status in _REDIRECTS:
        hint = "Redirects are not followed: set WEATHER_OPEN_METEO_URL, or …_ARCHIVE_URL, to where it points."
        return SourceRejected(f"{message.rstrip('.')}. {hint}")
    if status in _KEY_REFUSED or (status in _CLIENT_ERRORS and "api key" in reason.lower()):
        hint = "Check WEATHER_OPEN_METEO_API_KEY, and that it is for this server."
        return SourceRejected(f"{message.rstrip('.')}. {hint}")
    if status in _CLIENT_ERRORS and status != HTTPStatus.REQUEST_TIMEOUT:
        return SourceRejected(message)
    return SourceUnavailable(message)


def reason_of(content: bytes, phrase: str) -> str:
    """The server's reason for a refusal: what its JSON says, else the beginning of its text, else the phrase."""
    text = content.decode("utf-8", errors="replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if isinstance(body, dict) and "reason" in body:
        return str(body["reason"])
    return text[:200].strip() or phrase


def _limit(message: str, reason: str, header: str | None, now: datetime) -> WeatherPipelineError:
    """The error for a limit: Open-Meteo sends no time with it, so its reason decides."""
    words = reason.lower()
    spent = "hourly" in words or "daily" in words
    if header is not None and _SECONDS.fullmatch(header):
        ends = now + timedelta(seconds=int(header))
    elif "daily" in words:
        ends = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    elif "hourly" in words:
        ends = now.replace(minute=0, second=0, microsecond=0) + HOUR
    else:
        ends = now + (_CONCURRENT_WAIT if "concurrent" in words else _MINUTE)
    wait = ends - now
    if not spent and wait <= _LONGEST_WAIT:
        return SourceRateLimited(f"{message} Try again in {wait.total_seconds():.0f} s.", wait.total_seconds())
    # Rounded up: what comes a part of a second too early is refused again.
    retry_from = datetime.fromtimestamp(math.ceil(ends.timestamp()), UTC)
    return SourceQuotaSpent(f"{message} Retry from {retry_from:%Y-%m-%dT%H:%M:%SZ}.", retry_from)
