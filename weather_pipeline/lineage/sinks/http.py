"""OpenLineage over HTTP, configured as the OpenLineage client is, but answering what the backend said."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

import requests
from openlineage.client.transport.http import HttpCompression, HttpConfig, HttpTransport
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

from weather_pipeline.lineage.delivery import WORKERS, Answer, Verdict
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.redaction import redacted, without_secrets
from weather_pipeline.lineage.sinks.encoding import encoded

TIMEOUT = 2.0
"""Seconds for connecting, and again for the answer, where OpenLineage's `timeout` is not set."""
_LONGEST_TIMEOUT = 20.0
"""A tick has to end well before the daemon gives it up after 60 seconds."""
_LONGEST_WAIT = 3600.0
"""Seconds of a Retry-After that are honoured: more is taken for a mistake."""

_SUCCESS = range(200, 300)
_REDIRECTS = range(300, 400)
_REFUSALS = frozenset({400, 409, 413, 422})
"""Answers about the event itself."""
_LATER = frozenset({401, 403, 404, 407, 408, 425, 429})
"""4xx answers about credentials, routes or load. All that stand in neither set leave open what is to blame."""
_INTERNAL_ERROR = 500
_ANSWER_LIMIT = 65_536
"""Bytes of an answer that are read; the connection of a longer one is closed."""
_REASON_LIMIT = 500


class HttpSink:
    """POSTs events over kept connections.

    Args:
        config: OpenLineage's settings of its HTTP transport. Its `retry` is not used: the client's own retries would
            hide the first answer and hold up everything behind it.
    """

    def __init__(self, config: HttpConfig) -> None:
        config.adapter = HTTPAdapter(pool_connections=1, pool_maxsize=WORKERS, max_retries=0)
        self._transport = HttpTransport(config)
        self._session = self._transport.session
        self._url = urljoin(self._transport.url, self._transport.endpoint)
        self._timeout = min(config.timeout, _LONGEST_TIMEOUT)
        self.name = without_secrets(config.url)

    @property
    def transport(self) -> HttpTransport:
        """OpenLineage's transport with the address, the credentials and the TLS settings."""
        return self._transport

    def send(self, message: Message) -> Answer:
        """POST one event."""
        data, headers = self._request(message)
        try:
            response = self._session.post(
                self._url,
                data=data,
                headers=headers,
                timeout=self._timeout,
                verify=self._transport.verify,
                cert=self._transport.cert,
                # Credentials in ~/.netrc would go before the configured ones.
                auth=_as_configured if "Authorization" in headers else None,
                # A redirected POST becomes a GET: the login page's 200 would count as acceptance.
                allow_redirects=False,
                stream=True,
            )
            return self._answer(response, _read(response))
        except requests.ReadTimeout as error:
            return self._failure(Verdict.DOUBTFUL, error, f"No answer within {self._timeout:g} s")
        except requests.ConnectionError as error:
            broke = error.args and isinstance(error.args[0], ProtocolError)
            return self._failure(Verdict.DOUBTFUL if broke else Verdict.LATER, error)
        except (requests.RequestException, OSError) as error:
            return self._failure(Verdict.LATER, error)

    def _request(self, message: Message) -> tuple[bytes, dict[str, str]]:
        config, data = self._transport.config, encoded(message.body())
        headers = {"Content-Type": "application/json"}
        if bearer := config.auth.get_bearer():
            headers["Authorization"] = bearer
        headers |= config.custom_headers
        if self._transport.compression == HttpCompression.GZIP:
            headers["Content-Encoding"] = "gzip"
            data = gzip.compress(data, compresslevel=3)
        return data, headers

    def _answer(self, response: requests.Response, text: str) -> Answer:
        status = response.status_code
        if status in _SUCCESS:
            return Answer(Verdict.ACCEPTED)
        if status in _REDIRECTS:
            where = without_secrets(response.headers.get("Location", ""))
            return Answer(Verdict.LATER, f"{self.name} redirects to {where}: check the backend's URL.")
        reason = redacted(f"HTTP {status}: {text[:_REASON_LIMIT].strip()}")
        return Answer(verdict_on(status, text), reason, _retry_after(response.headers.get("Retry-After")))

    def _failure(self, verdict: Verdict, error: Exception, words: str | None = None) -> Answer:
        return Answer(verdict, redacted(f"{words or type(error).__name__}: {error}"[:_REASON_LIMIT]))


def verdict_on(status: int, text: str = "") -> Verdict:
    """What an HTTP answer other than 2xx says of the event.

    Args:
        status: The HTTP status.
        text: The answer's body: Marquez wraps some refusals into a 500 whose body has the real code.
    """
    if status == _INTERNAL_ERROR:
        return Verdict.REFUSED if _code_in(text) in _REFUSALS else Verdict.DOUBTFUL
    if status in _REFUSALS:
        return Verdict.REFUSED
    return Verdict.LATER if status in _LATER or status > _INTERNAL_ERROR else Verdict.DOUBTFUL


def _code_in(text: str) -> object:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body.get("code") if isinstance(body, dict) else None


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header names, as a number or as a date (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else _seconds_until(value)
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _seconds_until(date: str) -> float:
    at = parsedate_to_datetime(date)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()


def _read(response: requests.Response) -> str:
    """The beginning of an answer; leaves the connection to the next request where that was all."""
    data = b""
    while len(data) < _ANSWER_LIMIT:
        more = response.raw.read(_ANSWER_LIMIT - len(data), decode_content=True)
        if not more:
            return data.decode(errors="replace")
        data += more
    response.close()
    return data.decode(errors="replace")


def _as_configured(request: Any) -> Any:
    """As `requests`' authentication: leaves the request as it is."""
    return request
