"""The web application: the page's files, its configuration, a health check and the way to Marquez."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles

from weather_pipeline.marquez.own_names import OwnNamesOnly
from weather_pipeline.marquez.web.proxy import MarquezProxy

_STATIC = Path(__file__).parent / "static"

SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A new version of the page must show at once; unchanged files still answer 304.
    "Cache-Control": "no-cache",
}
"""Sent with every answer: the page may load, and talk to, nothing but its own origin."""


def create_app(
    marquez_url: str, dagster_url: str | None = None, *, token: str | None = None, own_names_only: bool = False
) -> FastAPI:
    """The lineage page as an ASGI application.

    Args:
        marquez_url: Base URL of Marquez or of the embedded lineage service. A user and password in it stay here.
        dagster_url: Base URL of the Dagster UI, for links; None shows none.
        token: Bearer token for Marquez. It stays here too.
        own_names_only: Whether requests must ask for an address or `localhost`.
    """
    app = FastAPI(title="Lineage page", openapi_url=None)
    proxy = MarquezProxy(marquez_url, token)
    configuration = {"marquezUrl": proxy.url, "dagsterUrl": dagster_url.rstrip("/") if dagster_url else None}

    if own_names_only:
        app.add_middleware(OwnNamesOnly, remedy="Behind a proxy let it ask for localhost.")

    @app.middleware("http")
    async def add_security_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(SECURITY_HEADERS)
        return response

    @app.get("/healthcheck")
    def healthcheck() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/config.json")
    def config() -> Response:
        return JSONResponse(configuration)

    @app.get("/")
    def page() -> Response:
        return FileResponse(_STATIC / "index.html")

    app.add_api_route("/api/{path:path}", proxy.get, methods=["GET"])
    app.mount("/static", StaticFiles(directory=_STATIC))
    return app
