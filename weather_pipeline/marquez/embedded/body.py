"""Reading a request's body: type, size limit, gzip, JSON."""

from __future__ import annotations

import json
import zlib
from typing import Any

from fastapi import Request
from pydantic_core import from_json

from weather_pipeline.marquez.embedded.errors import BodyTooLarge, InvalidBody, UnsupportedEncoding, UnsupportedType

BODY_LIMIT = 8 * 1024 * 1024
"""Largest body in bytes, as sent and after decompression."""

_GZIP = 16 + zlib.MAX_WBITS


async def require_json(request: Request) -> None:
    """Let only JSON write: a dependency of every route.

    A page on any site can make its reader's browser send a POST to this service, unless the type is one for which the
    browser first asks the service (it never says yes). So a body must say that it is JSON, and a request without
    a body must not come from a page: browsers name its site in `Origin`. PUT and DELETE browsers always ask about.

    Raises:
        UnsupportedType: The request is refused before its body is read.
    """
    if request.method not in ("POST", "PUT"):
        return
    headers = request.headers
    sent = headers.get("content-type")
    if sent is not None:
        accepted = is_json(sent)
    else:
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        accepted = not has_body and "origin" not in headers
    if not accepted:
        raise UnsupportedType(f"Content-Type {(sent or '')[:100]!r} is not supported: send application/json.")


def is_json(content_type: str) -> bool:
    """Whether a Content-Type is JSON: `application/json`, `application/vnd.x+json`, each with or without parameters."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


async def read_body(request: Request) -> bytes:
    """The request's body, decompressed.

    Raises:
        BodyTooLarge: It is larger than `BODY_LIMIT`.
        UnsupportedEncoding: It is encoded otherwise than with gzip.
        InvalidBody: It says gzip and is not.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        _check_size(size)
        chunks.append(chunk)
    body = b"".join(chunks)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "gzip":
        return _gunzip(body)
    if encoding not in ("", "identity"):
        raise UnsupportedEncoding(f"Content-Encoding {encoding!r} is not supported: send gzip or identity.")
    return body


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


def _gunzip(body: bytes) -> bytes:
    decompressor = zlib.decompressobj(_GZIP)
    try:
        plain = decompressor.decompress(body, BODY_LIMIT + 1)
    except zlib.error as error:
        raise InvalidBody([f"The request body is not valid gzip: {error}"]) from error
    _check_size(len(plain))
    if not decompressor.eof:
        raise InvalidBody(["The request body ends in the middle of its gzip stream"])
    return plain


def _check_size(size: int) -> None:
    if size > BODY_LIMIT:
        raise BodyTooLarge(f"The request body is larger than {BODY_LIMIT} bytes.")
