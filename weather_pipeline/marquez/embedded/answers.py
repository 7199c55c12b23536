"""Errors in the shape of Marquez's."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse


def problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that says what is wrong."""
    return JSONResponse({"code": int(status), "message": message}, status, headers)


def retry_after(seconds: int) -> dict[str, str]:
    """The header that says when to send a request again."""
    return {"Retry-After": str(seconds)}
