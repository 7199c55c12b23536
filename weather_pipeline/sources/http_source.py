"""What sources behind an HTTP server share: asking it, again where that helps, and within its budget."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import requests
from requests.structures import CaseInsensitiveDict

from weather_pipeline.errors import SourceQuotaSpent, SourceRateLimited, SourceUnavailable
from weather_pipeline.sources.answers import Body, NotYetThere, Received
from weather_pipeline.sources.keys import without_key
from weather_pipeline.sources.ledger import Ledger

_LOG = logging.getLogger(__name__)


class HttpSource:
    """A client of one server. Redirects are not followed: the key is for this server.

    Args:
        base_url: Root of the server.
        session: The connections; they know how the key is sent.
        api_key: The key, to cut it out of what the server says; None where there is none.
        ledger: The budget that every request is charged to; None where nothing is limited.
        timeout: Seconds to connect, seconds to wait for data.
        attempts: How often a request is tried before the error goes up, where it is retried with longer waits.
        first_wait: Seconds before the second attempt; doubles with each, with jitter.
    """

    def __init__(
        self,
        base_url: str,
        session: requests.Session,
        *,
        api_key: str | None,
        ledger: Ledger | None,
        timeout: tuple[float, float],
        attempts: int,
        first_wait: float,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._session = session
        self._api_key = api_key
        self._ledger = ledger
        self._timeout = timeout
        self._attempts = attempts
        self._first_wait = first_wait

    def ask(self, url: str, read: Callable[[Received], Body], *, weight: float = 1.0) -> Body:
        """Ask until the answer is whole, or another attempt would not change it.

        Args:
            url: The request, without the key.
            read: Makes rows of an answer, or raises the error that it means.
            weight: What each attempt counts for against the limits.

        Returns:
            The body; the last attempt's may still lack what could have passed.
        """
        for attempt in range(1, self._attempts):
            try:
                body = self._ask_once(url, read, weight)
            except NotYetThere:
                raise
            except SourceUnavailable as error:
                problem = str(error)
            else:
                if not body.may_pass:
                    return body
                problem = "; ".join(map(str, body.lacks))
            wait = self._first_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  (jitter)
            _LOG.warning("Attempt %d of %d failed, again in %.1f s: %s", attempt, self._attempts, wait, problem)
            time.sleep(wait)
        return self._ask_once(url, read, weight)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask_once(self, url: str, read: Callable[[Received], Body], weight: float) -> Body:
        if self._ledger is not None:
            self._ledger.charge(weight)
        received = self._get(url)
        try:
            return read(received)
        except (SourceRateLimited, SourceQuotaSpent) as error:
            if self._ledger is not None:
                self._ledger.close(error)
            raise

    def _get(self, url: str) -> Received:
        try:
            response = self._session.get(url, timeout=self._timeout, allow_redirects=False)
        except requests.RequestException as error:
            if error.request is not None:  # it is carried along, with the key that it was sent with
                error.request.headers.pop("Authorization", None)
            if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
                raise SourceUnavailable(f"The answer of {self.base_url} broke off: {error}") from error
            raise SourceUnavailable(f"{self.base_url} can't be reached: {error}") from error
        return Received(
            status=response.status_code,
            phrase=self._without_key(response.reason or ""),
            headers=CaseInsensitiveDict({name: self._without_key(text) for name, text in response.headers.items()}),
            content=without_key(response.content, self._api_key),
            at=datetime.now(UTC),
        )

    def _without_key(self, text: str) -> str:
        return without_key(text.encode(), self._api_key).decode()
