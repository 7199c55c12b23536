"""How a source is asked more than once: a session that repeats what failed on its way, and a loop for the rest."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from weather_pipeline.errors import SourceUnavailable

_LOG = logging.getLogger(__name__)
_TRY_AGAIN = (500, 502, 503, 504)

_Answer = TypeVar("_Answer")


class Interrupted(SourceUnavailable):
    """The answer broke off on its way."""


def retrying_session(attempts: int, first_wait: float) -> requests.Session:
    """A session that repeats a GET which was not answered, or answered with a server's error.

    Args:
        attempts: How often a request is tried in all.
        first_wait: Seconds before the second attempt; doubles with each, with jitter.
    """
    retry = Retry(
        total=attempts - 1,
        allowed_methods=("GET",),
        status_forcelist=_TRY_AGAIN,
        backoff_factor=first_wait,
        backoff_jitter=first_wait,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def attempted(
    attempt: Callable[[], _Answer], *, attempts: int, first_wait: float, on: tuple[type[SourceUnavailable], ...]
) -> _Answer:
    """Try until an attempt succeeds, or fails in a way that another attempt would not change.

    Args:
        attempt: What is tried.
        attempts: How often, at least 1.
        first_wait: Seconds before the second attempt; doubles with each, with jitter.
        on: The errors after which it is tried again; the last one goes up.
    """
    for number in range(1, attempts):
        try:
            return attempt()
        except on as error:
            wait = first_wait * 2 ** (number - 1) * random.uniform(0.5, 1.5)  # noqa: S311  (jitter)
            _LOG.warning("Attempt %d of %d failed, again in %.1f s: %s", number, attempts, wait, error)
            time.sleep(wait)
    return attempt()
