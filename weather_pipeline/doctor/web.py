"""One HTTP question, and why nobody answered it: told apart by what the user has to repair."""

from __future__ import annotations

import errno
import json
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from weather_pipeline.doctor.clock_reading import ClockReading, reading_of_headers
from weather_pipeline.urls import is_loopback, without_login

_TIMEOUT = (3.0, 5.0)
"""Seconds to connect and to wait for an answer: who takes longer is as good as away for a person who waits."""

_TLS_WORDS = {
    "CERTIFICATE_VERIFY_FAILED": "the certificate is not trusted",
    "certificate has expired": "the certificate has expired",
    "certificate is not yet valid": "the certificate is not valid yet",
    "Hostname mismatch": "the certificate is another host's",
    "self-signed certificate": "the certificate is signed by nobody this machine trusts",
    "self signed certificate": "the certificate is signed by nobody this machine trusts",
    "unable to get local issuer": "the certificate is signed by nobody this machine trusts",
    "WRONG_VERSION_NUMBER": "the server does not speak TLS on this port",
}


_NO_TLS = _TLS_WORDS["WRONG_VERSION_NUMBER"]
_TUNNEL_REFUSED = "Tunnel connection failed: "


class Obstacle(StrEnum):
    """Why nobody answered."""

    NO_NAME = "no name"
    NO_ROUTE = "no route"
    REFUSED = "refused"
    TIMEOUT = "time-out"
    TLS = "tls"
    PROXY = "proxy"
    """The proxy of the environment does not answer."""
    PROXY_REFUSAL = "proxy refusal"
    """The proxy, or a firewall on the way, answered in place of the server."""
    BROKEN = "broken"


@dataclass(frozen=True)
class Failure:
    """Nobody answered.

    Attributes:
        obstacle: Why.
        server: Who was asked: scheme, host and port.
        proxy: The proxy that the environment names for this host, without a login.
        words: The innermost words about it, where they say more.
    """

    obstacle: Obstacle
    server: str
    proxy: str | None = None
    words: str = ""

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.server).netloc

    @property
    def found(self) -> str:
        """What happened, as the end of a sentence."""
        return {
            Obstacle.NO_NAME: f"the name {self.host} is not known to DNS",
            Obstacle.NO_ROUTE: f"there is no route to {self.host}",
            Obstacle.REFUSED: f"nothing listens at {self.host}",
            Obstacle.TIMEOUT: f"{self.host} did not answer in time",
            Obstacle.TLS: f"TLS with {self.host} failed: {self.words}",
            Obstacle.PROXY: f"the proxy {self.proxy} does not answer",
            Obstacle.PROXY_REFUSAL: f"{self._between} refused to pass the request on to {self.host} ({self.words})",
            Obstacle.BROKEN: f"the connection to {self.host} broke off ({self.words})",
        }[self.obstacle]

    @property
    def cause(self) -> str:
        """The likely cause."""
        if self.words == _NO_TLS:
            return "The server speaks plain HTTP."
        through = f" The environment sends requests through the proxy {self.proxy}." if self.proxy else ""
        return {
            Obstacle.NO_NAME: "This machine has no network or no DNS, or the name is mistyped.",
            Obstacle.NO_ROUTE: "This machine has no network, or a firewall closes the way.",
            Obstacle.REFUSED: "No server runs there, or it has another port.",
            Obstacle.TIMEOUT: "A firewall drops what is sent there, or the server is overloaded.",
            Obstacle.TLS: "A proxy that reads TLS, a wrong clock, or a server with another certificate.",
            Obstacle.PROXY: "HTTPS_PROXY or HTTP_PROXY names a proxy that is away.",
            Obstacle.PROXY_REFUSAL: "The proxy or firewall allows other hosts only, or wants a login.",
            Obstacle.BROKEN: "Something on the way, or the server itself, closes connections.",
        }[self.obstacle] + (through if self.obstacle not in (Obstacle.PROXY, Obstacle.PROXY_REFUSAL) else "")

    @property
    def remedy(self) -> str:
        """What to do about it, whoever was asked."""
        if self.words == _NO_TLS:
            return "Ask it without TLS: http:// in place of https://."
        return {
            Obstacle.NO_NAME: f"Check this machine's network and DNS, and the name {self._name}.",
            Obstacle.NO_ROUTE: "Check this machine's network.",
            Obstacle.REFUSED: "Start the server, or correct the address.",
            Obstacle.TIMEOUT: f"Try it by hand: `curl -v {self.server}`.",
            Obstacle.TLS: "Check the address and the clock; REQUESTS_CA_BUNDLE names the certificates of your own CA.",
            Obstacle.PROXY: f"Correct HTTPS_PROXY and HTTP_PROXY, or let {self._name} pass by it with NO_PROXY.",
            Obstacle.PROXY_REFUSAL: f"Have {self._name} allowed, or let it pass by the proxy with NO_PROXY.",
            Obstacle.BROKEN: f"Try it by hand: `curl -v {self.server}`.",
        }[self.obstacle]

    @property
    def _between(self) -> str:
        return f"the proxy {self.proxy}" if self.proxy else "a firewall or proxy on the way"

    @property
    def _name(self) -> str:
        return urlsplit(self.server).hostname or self.host


@dataclass(frozen=True)
class Answer:
    """Somebody answered: `clock` compares the answer's date with our clock."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = field(default="", repr=False)
    clock: ClockReading | None = None

    @property
    def content_type(self) -> str:
        """What the body is."""
        return self.headers.get("Content-Type", "")

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def get(url: str, token: str | None = None) -> Answer | Failure:
    """Ask an address, past a proxy of the environment where it is this machine's own. Redirects are not followed.

    Args:
        url: The address.
        token: Bearer token to send.
    """
    with requests.Session() as session:
        session.trust_env = not is_loopback(url)
        if token:
            session.headers["Authorization"] = f"Bearer {token}"
        sent = time.time()
        try:
            response = session.get(url, timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            return failure_of(error, url)
        return answer_of(response, sent=sent, received=time.time())


def answer_of(response: requests.Response, *, sent: float, received: float) -> Answer:
    """An answer with what it says about the time."""
    clock = reading_of_headers(_host(response.url), response.headers, sent=sent, received=received)
    return Answer(response.status_code, response.headers, response.text, clock)


def failure_of(error: requests.RequestException, url: str) -> Failure:
    """Why an address did not answer. No words of the address but its host are kept: it may hold a password."""
    proxy = proxy_of(url)
    obstacle, words = _obstacle(error)
    return Failure(obstacle, f"{urlsplit(url).scheme}://{_host(url)}", proxy, words)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address, without a login."""
    if is_loopback(url):
        return None
    proxies = requests.utils.get_environ_proxies(url)
    proxy = requests.utils.select_proxy(url, proxies)
    return proxy and without_login(proxy)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _obstacle(error: requests.RequestException) -> tuple[Obstacle, str]:
    chain = list(_chain(error))
    words = " ".join(str(chain[-1]).split())
    if isinstance(error, requests.exceptions.ProxyError):
        said = (word for each in chain for word in each.args if isinstance(word, str))
        refusal = next((word for word in said if word.startswith(_TUNNEL_REFUSED)), None)
        if refusal is None:
            return Obstacle.PROXY, words
        return Obstacle.PROXY_REFUSAL, refusal.removeprefix(_TUNNEL_REFUSED)
    if isinstance(error, requests.exceptions.SSLError):
        text = " ".join(map(str, chain))
        # The later words are the more exact ones.
        said = [meaning for mark, meaning in _TLS_WORDS.items() if mark in text]
        return Obstacle.TLS, said[-1] if said else words
    if isinstance(error, requests.Timeout):
        return Obstacle.TIMEOUT, words
    known = (found for each in chain if (found := _network_obstacle(each)) is not None)
    return next(known, Obstacle.BROKEN), words


def _network_obstacle(error: BaseException) -> Obstacle | None:
    if isinstance(error, socket.gaierror | urllib3.exceptions.NameResolutionError):
        return Obstacle.NO_NAME
    if isinstance(error, ConnectionRefusedError):
        return Obstacle.REFUSED
    if isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return Obstacle.NO_ROUTE
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made of, outermost first: by cause, by context, and as urllib3 hands it on."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        each = todo.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        todo += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
