"""Which methods a path has: HEAD wherever GET is answered, and all of them in `Allow` where another is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")
_ROUTE: Final = ("endpoint", "path_params", "route")
"""What the router notes of the route in the scope; the metrics read it there."""


class HeadAsGet:
    """Answers HEAD as GET is answered, without the body (RFC 9110, 9.3.2). FastAPI's routes have only what they say."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        # A copy: what stands around this, and the server, know the request as it was sent.
        asked: Scope = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send_head)
        finally:
            scope.update({key: asked[key] for key in _ROUTE if key in asked})


def allowed(path: str, routes: Iterable[BaseRoute]) -> list[str]:
    """The methods that are answered under a path, in order: several routes may share it.

    Args:
        path: As it was sent.
        routes: All routes.
    """
    found = {method for method in _METHODS if _is_answered(path, method, routes)}
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _is_answered(path: str, method: str, routes: Iterable[BaseRoute]) -> bool:
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    return any(route.matches(scope)[0] is Match.FULL for route in routes)
