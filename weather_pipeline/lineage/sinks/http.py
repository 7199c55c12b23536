"""OpenLineage over HTTP, configured as the OpenLineage client is, but answering what the backend said."""

from __future__ import annotations

import gzip
import io
import json
import socket
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from openlineage.client.transport.http import HttpCompression, HttpConfig, HttpTransport
from requests import Request, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, Timeout
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from weather_pipeline.lineage.answers import Answer, Verdict
from weather_pipeline.lineage.gate import WORKERS
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.redaction import redacted, without_secrets
from weather_pipeline.lineage.sinks.encoding import encoded

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse  # urllib3 1.26, which requests takes too, has none

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
        self.transport = transport = HttpTransport(config)
        """OpenLineage's transport with the address, the credentials and the TLS settings."""
        url = urljoin(transport.url, transport.endpoint)
        self._transport = transport
        self.timeout = min(config.timeout, _LONGEST_TIMEOUT)
        self._timeout = Timeout(connect=self.timeout, read=self.timeout)
        self._pool, self._target, self._headers = _connected(
            transport.session, config.adapter, url, transport.verify, transport.cert
        )
        self.name = without_secrets(config.url)

    def send(self, message: Message) -> Answer:
        """POST one event."""
        data, headers = self._request(message)
        try:
            response = self._pool.urlopen(
                "POST",
                self._target,
                body=data,
                headers=headers,
                timeout=self._timeout,
                # A redirected POST becomes a GET: the login page's 200 would count as acceptance.
                redirect=False,
                assert_same_host=False,  # a proxy is asked for another host's address
                retries=False,
                preload_content=False,
            )
            return self._answer(response, _read(response))
        except ReadTimeoutError as error:
            return _failure(Verdict.DOUBTFUL, error, f"No answer within {self.timeout:g} s")
        except ProtocolError as error:
            return _failure(Verdict.DOUBTFUL, error)
        except (HTTPError, OSError) as error:
            return _failure(Verdict.LATER, error)

    def _request(self, message: Message) -> tuple[bytes, dict[str, str]]:
        config, data = self._transport.config, encoded(message.body())
        headers = dict(self._headers)
        if bearer := config.auth.get_bearer():
            headers["Authorization"] = bearer
        headers |= config.custom_headers
        if config.compression == HttpCompression.GZIP:
            headers["Content-Encoding"] = "gzip"
            data = gzip.compress(data, compresslevel=3)
        return data, headers

    def _answer(self, response: BaseHTTPResponse, text: str) -> Answer:
        status = response.status
        if status in _SUCCESS:
            return Answer(Verdict.ACCEPTED)
        if status in _REDIRECTS:
            where = without_secrets(response.headers.get("Location", ""))
            return Answer(Verdict.LATER, f"{self.name} redirects to {where}: check the backend's URL.")
        reason = redacted(f"HTTP {status}: {text[:_REASON_LIMIT].strip()}")
        return Answer(verdict_on(status, text), reason, _retry_after(response.headers.get("Retry-After")))


def _connected(
    session: Session, adapter: HTTPAdapter, url: str, verify: bool | str, cert: str | tuple[str, str] | None
) -> tuple[HTTPConnectionPool, str, dict[str, str]]:
    """A pool of connections, the request target and the headers of every request.

    `requests` reads proxies, bundles of CAs and credentials from the environment, and does so for every request, which
    costs more than the request: here it does so once.
    """
    request = session.prepare_request(Request("POST", url, headers={"Content-Type": "application/json"}))
    request.headers.pop("Content-Length", None)
    chosen = session.merge_environment_settings(url, {}, None, verify, cert)
    pool: Any = adapter.get_connection_with_tls_context(request, chosen["verify"], chosen["proxies"], chosen["cert"])
    adapter.cert_verify(pool, url, chosen["verify"], chosen["cert"])
    pool.ConnectionCls = type("Connection", (pool.ConnectionCls,), {"response_class": _TimelyResponse})
    return pool, adapter.request_url(request, chosen["proxies"]), dict(request.headers)


class _TimelyResponse(HTTPResponse):
    """An answer that has to be whole within the time that a socket by itself grants to each byte."""

    def __init__(self, sock: socket.socket, *arguments: Any, **settings: Any) -> None:
        super().__init__(sock, *arguments, **settings)
        patience = sock.gettimeout()
        if patience is not None:
            self.fp = io.BufferedReader(_Timely(self.fp.detach(), sock, time.monotonic() + patience))


class _Timely(io.RawIOBase):
    """What a socket receives until a time on the monotonic clock."""

    def __init__(self, raw: Any, sock: socket.socket, until: float) -> None:
        self._raw = raw
        self._sock = sock
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _failure(verdict: Verdict, error: Exception, words: str | None = None) -> Answer:
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


def _read(response: BaseHTTPResponse) -> str:
    """The beginning of an answer; leaves the connection to the next request where that was all."""
    data = b""
    while len(data) < _ANSWER_LIMIT:
        more = response.read(_ANSWER_LIMIT - len(data), decode_content=True)
        if not more:
            response.release_conn()
            return data.decode(errors="replace")
        data += more
    response.close()
    return data.decode(errors="replace")
