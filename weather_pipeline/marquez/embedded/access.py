"""Who gets in: the bearer token, the web pages of other origins, and where the service may listen without a token."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from http import HTTPStatus

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.marquez.embedded.answers import problem
from weather_pipeline.urls import is_loopback_host

_OPEN = b"/healthcheck"
"""What container platforms ask without a token."""


class Exposed(ConfigurationError):
    """The service would be open to other machines without anybody having said so."""


def check_exposure(host: str, *, token: str | None, insecure: bool) -> None:
    """Check that who can reach the service is meant to.

    Raises:
        Exposed: Other machines can, no token is set, and nobody said that it is to be open.
    """
    if token is None and not insecure and not is_loopback_host(host):
        raise Exposed(
            f"On {host} other machines reach the service, and without a token everybody there could "
            "read and write: set WEATHER_LINEAGE_TOKEN or WEATHER_LINEAGE_TOKEN_FILE, or say --insecure to leave it "
            "open."
        )


class BearerToken:
    """Asks every request for the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope.get("raw_path") == _OPEN or self._admits(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        message = "This service wants its token: Authorization: Bearer TOKEN."
        refusal = problem(HTTPStatus.UNAUTHORIZED, message, {"WWW-Authenticate": "Bearer"})
        await refusal(scope, receive, send)

    def _admits(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Compared in full whatever it is, so that the time it takes tells nothing.
        return hmac.compare_digest(given.strip().encode("latin-1"), self._token) and scheme.lower() == "bearer"


def allow_pages(app: FastAPI, origins: Collection[str]) -> None:
    """Let web pages of these origins use the service, with a token of theirs where it wants one."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST", "PUT", "DELETE"),
        allow_headers=("Authorization", "Content-Encoding", "Content-Type"),
        expose_headers=("Retry-After",),
    )
