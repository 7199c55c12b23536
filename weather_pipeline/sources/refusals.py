"""What a server's refusal means, whoever the server is: the error that says what to do. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from weather_pipeline.errors import (
    SourceQuotaSpent,
    SourceRateLimited,
    SourceRejected,
    SourceUnavailable,
    WeatherPipelineError,
)
from weather_pipeline.sources.answers import Received
from weather_pipeline.urls import without_login

CLIENT_ERRORS = range(400, 500)
KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

_REDIRECTS = range(300, 400)
_SECONDS = re.compile(r"[0-9]{1,9}")
_LONGEST_LIMIT = timedelta(days=1)
"""No source's limit lasts longer: a mistaken `Retry-After` must not close the budget for years."""
_LONGEST_REASON = 300
_LONGEST_WAIT = timedelta(minutes=2)
"""How long a limit may last for a step to wait for its end, whatever its reason."""


def reason_of(received: Received, members: Sequence[str]) -> str:
    """The server's own words: what its JSON says, else the beginning of its text, else the status in words.

    Args:
        received: The refusal.
        members: Where its JSON may say it; the first that is there counts.
    """
    text = received.content.decode("utf-8", errors="replace").strip()
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    said = [body.get(member) for member in members] if isinstance(body, dict) else []
    reason = next((str(each) for each in said if each), text or received.phrase)
    return reason[:_LONGEST_REASON] or "(no reason)"


def refusal(
    received: Received, message: str, *, key_hint: str, url_setting: str, about_key: bool
) -> WeatherPipelineError:
    """The error for an answer that is neither a success nor a limit.

    Args:
        received: The answer.
        message: Who answered what.
        key_hint: What to check where the key is refused.
        url_setting: The setting that says which server is asked.
        about_key: Whether the server's words are about the key; 401 and 403 are in any case.
    """
    sentence = message.rstrip(".")
    if received.status in _REDIRECTS:
        # Without its query: a server may repeat the key there.
        target = without_login(received.headers.get("Location", "(nowhere)")).partition("?")[0][:_LONGEST_REASON]
        return SourceRejected(f"{sentence}. Redirects are not followed; this one is to {target}. Check {url_setting}.")
    if about_key or received.status in KEY_REFUSED:
        return SourceRejected(f"{sentence}. {key_hint}")
    if received.status in CLIENT_ERRORS and received.status != HTTPStatus.REQUEST_TIMEOUT:
        return SourceRejected(message)
    return SourceUnavailable(message)


def retry_after(received: Received) -> datetime | None:
    """When the server says by `Retry-After` that a limit is over, in a day at most; None where it says nothing."""
    seconds = received.headers.get("Retry-After", "")
    if not _SECONDS.fullmatch(seconds):
        return None
    return received.at + min(timedelta(seconds=int(seconds)), _LONGEST_LIMIT)


def limit(message: str, now: datetime, ends: datetime, *, spent: bool) -> SourceRateLimited | SourceQuotaSpent:
    """The error for a limit.

    Args:
        message: Who answered what.
        now: When, UTC.
        ends: When the limit is over, UTC.
        spent: Whether it is a quota; a limit that lasts too long to be waited for counts as one.
    """
    sentence, wait = message.rstrip("."), ends - now
    if not spent and wait <= _LONGEST_WAIT:
        return SourceRateLimited(f"{sentence}. Try again in {wait.total_seconds():.0f} s.", wait.total_seconds())
    # Rounded up: what comes a part of a second too early is refused again.
    retry_from = datetime.fromtimestamp(math.ceil(ends.timestamp()), UTC)
    return SourceQuotaSpent(f"{sentence}. Retry from {retry_from:%Y-%m-%dT%H:%M:%SZ}.", retry_from)
