"""What a request can be refused for; `app.py` turns each into Marquez's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar

from weather_pipeline.errors import Terminal

MOST_ERRORS = 20
"""Errors of one event that are told; a body may have a million."""


class Refused(Terminal):
    """A request that is answered with a 4xx status."""

    status = HTTPStatus.BAD_REQUEST
    headers: ClassVar[Mapping[str, str] | None] = None


class NotFound(Refused):
    """Something the request names does not exist."""

    status = HTTPStatus.NOT_FOUND

    @classmethod
    def named(cls, kind: str, name: str) -> NotFound:
        """The answer for a namespace, job, run, … that does not exist."""
        return cls(f"{kind} '{name}' not found.")


class BodyTooLarge(Refused):
    """The body is larger than a limit: in bytes, before or after decompression, or in events."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class BodyTooSlow(Refused):
    """The body is not there in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    headers: ClassVar[Mapping[str, str] | None] = {"Connection": "close"}


class BodyCutOff(Refused):
    """The sender has gone before its body was there; nobody hears the answer."""


class UnsupportedEncoding(Refused):
    """The body's Content-Encoding is neither gzip nor identity."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnsupportedType(Refused):
    """The request may come from a web page of any site: what it sends does not say that it is JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class ForeignPage(Refused):
    """The request comes from a web page of a site that may not write."""

    status = HTTPStatus.FORBIDDEN


class InvalidBody(Refused):
    """The body can't be accepted; every error names a field and what is wrong with it."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, errors: Sequence[str]) -> None:
        """Keep the first errors, each naming its field."""
        self.errors = [*errors[:MOST_ERRORS], *(["… and more"] if len(errors) > MOST_ERRORS else [])]
        super().__init__("; ".join(self.errors))
