"""Reading a request's body: type, size limit, gzip, JSON."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends, Request
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from weather_pipeline.marquez.embedded.errors import (
    BodyCutOff,
    BodyTooLarge,
    BodyTooSlow,
    ForeignPage,
    InvalidBody,
    UnsupportedEncoding,
    UnsupportedType,
)
from weather_pipeline.marquez.embedded.limits import Limits

_P = ParamSpec("_P")
_T = TypeVar("_T")

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 16 * 1024
"""What zlib gets at a time. It copies what stands behind a member: of very many small ones all the others."""

LARGE = 64 * 1024
"""From this size on a body, or what is made of it, is looked at in a thread: all other requests would wait for it."""


async def require_json(request: Request) -> None:
    """Let only JSON write: a dependency of every route.

    A page on any site can make its reader's browser send a POST to this service, unless the type is one for which the
    browser first asks the service (which says yes to the pages of configured origins alone). So a body must say that it
    is JSON, and a request without a body must not come from another page: browsers name its site in `Origin`. PUT and
    DELETE browsers always ask about.

    Raises:
        UnsupportedType: The request does not say that its body is JSON; it is refused before that is read.
        ForeignPage: It has no body, and comes from the page of a site that is not configured.
    """
    if request.method not in ("POST", "PUT"):
        return
    headers = request.headers
    sent = headers.get("content-type")
    if sent is None and headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        origin = headers.get("origin")
        if origin is not None and origin not in request.app.state.origins:
            raise ForeignPage(
                f"Pages of {origin[:100]!r} may not write here. WEATHER_LINEAGE_CORS_ORIGINS names the sites whose "
                "pages may."
            )
    elif not is_json(sent or ""):
        raise UnsupportedType(f"Content-Type {(sent or '')[:100]!r} is not supported: send application/json.")


def is_json(content_type: str) -> bool:
    """Whether a Content-Type is JSON: `application/json`, `application/vnd.x+json`, each with or without parameters."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


async def read_body(request: Request) -> bytes:
    """The request's body, decompressed.

    Raises:
        BodyTooLarge: It is larger than the limit, or says so; what it says is believed before anything is read.
        BodyTooSlow: It is not there in time.
        BodyCutOff: The sender has gone.
        UnsupportedEncoding: It is encoded otherwise than with gzip.
        InvalidBody: It says gzip and is not.
    """
    limits: Limits = request.app.state.limits
    headers = request.headers
    _check_size(int(headers.get("content-length", "0")), limits)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise UnsupportedEncoding(f"Content-Encoding {encoding!r} is not supported: send gzip or identity.")
    try:
        async with asyncio.timeout(limits.body_seconds):
            body = await _received(request, limits)
    except TimeoutError:
        raise BodyTooSlow(f"The request body was not there after {limits.body_seconds:g} seconds.") from None
    except ClientDisconnect:
        raise BodyCutOff("The request body ends before its end.") from None
    return await aside(len(body), _gunzip, body, limits) if encoding == "gzip" else body


Body = Annotated[bytes, Depends(read_body)]
"""A request's body. As a parameter it stands before `Connected`: a slow sender must not hold a connection."""


async def aside(size: int, work: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
    """What a pure function makes of a body of this size, without keeping other requests waiting."""
    if size < LARGE:
        return work(*arguments, **named)
    return await asyncio.to_thread(work, *arguments, **named)


def parse_json(body: bytes) -> Any:
    """A JSON body as Python values.

    Raises:
        InvalidBody: It is no JSON that can be stored and shown again.
    """
    try:
        document = from_json(body, allow_inf_nan=False)
        # A number beyond those of a double, such as 1e400, has become infinite: no JSON that could be answered.
        json.dumps(document, allow_nan=False)
    except ValueError as error:
        raise InvalidBody([f"The request body is not valid JSON: {error}"]) from error
    return document


async def _received(request: Request, limits: Limits) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        _check_size(size, limits)
        chunks.append(chunk)
    return b"".join(chunks)


def _gunzip(body: bytes, limits: Limits) -> bytes:
    """The content of all members: a gzip stream may have several, one behind the other (RFC 1952)."""
    plain = bytearray()
    member = zlib.decompressobj(_GZIP)
    for at in range(0, len(body), _PIECE):
        compressed = body[at : at + _PIECE]
        while compressed:
            if member.eof:
                member = zlib.decompressobj(_GZIP)
            try:
                plain += member.decompress(compressed, limits.body_bytes + 1 - len(plain))
            except zlib.error as error:
                raise InvalidBody([f"The request body is not valid gzip: {error}"]) from error
            _check_size(len(plain), limits)
            compressed = member.unused_data
    if not member.eof:
        raise InvalidBody(["The request body ends in the middle of its gzip stream"])
    return bytes(plain)


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.body_bytes:
        raise BodyTooLarge(f"The request body is larger than {limits.body_bytes} bytes.")
