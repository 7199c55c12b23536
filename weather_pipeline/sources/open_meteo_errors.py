"""What Open-Meteo's refusals mean: status and reason to the error that says what to do. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus

from weather_pipeline.errors import SourceRejected, WeatherPipelineError
from weather_pipeline.sources import refusals
from weather_pipeline.sources.answers import Received
from weather_pipeline.weather.hours import HOUR

_NOT_COVERED = "no data is available for this location"
_CONCURRENT_WAIT, _MINUTE = timedelta(seconds=5), timedelta(minutes=1)


class PlaceNotCovered(SourceRejected):
    """A place of the request is covered by no model; the answer does not say which."""


def refusal(received: Received, server: str) -> WeatherPipelineError:
    """The error for an answer that is not 200.

    Args:
        received: The answer.
        server: The server's base URL.
    """
    status, reason = received.status, refusals.reason_of(received, ["reason"])
    message, words = f"{server} answered {status}: {reason}", reason.lower()
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        ends = refusals.retry_after(received) or _usual_end(words, received.at)
        return refusals.limit(message, received.at, ends, spent="hourly" in words or "daily" in words)
    if status == HTTPStatus.BAD_REQUEST and _NOT_COVERED in words:
        return PlaceNotCovered(message)
    return refusals.refusal(
        received,
        message,
        key_hint="Check WEATHER_OPEN_METEO_API_KEY, and that it is for this server.",
        url_setting="WEATHER_OPEN_METEO_URL, or WEATHER_OPEN_METEO_ARCHIVE_URL",
        about_key=status in refusals.CLIENT_ERRORS and "api key" in words,
    )


def _usual_end(words: str, now: datetime) -> datetime:
    """When a limit is over: Open-Meteo sends no time with it, so its reason decides."""
    if "daily" in words:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    if "hourly" in words:
        return now.replace(minute=0, second=0, microsecond=0) + HOUR
    return now + (_CONCURRENT_WAIT if "concurrent" in words else _MINUTE)
