"""Reading a request's body: size limit, gzip, JSON."""

from __future__ import annotations

import zlib
from typing import Any

from fastapi import Request
from pydantic_core import from_json

from weather_pipeline.marquez.embedded.errors import BodyTooLarge, InvalidBody, UnsupportedEncoding

BODY_LIMIT = 8 * 1024 * 1024
"""Largest body in bytes, as sent and after decompression."""

_GZIP = 16 + zlib.MAX_WBITS


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
        InvalidBody: It is no JSON that PostgreSQL can store.
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidBody([f"The request body is not valid JSON: {error}"]) from error


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
