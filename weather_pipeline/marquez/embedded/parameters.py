"""What every route takes: names in paths, pages, a connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import unquote

from fastapi import Depends, Query, Request
from pydantic import AfterValidator

from weather_pipeline.marquez.embedded.database import Connection, Database
from weather_pipeline.marquez.embedded.writer import Writer

PathName = Annotated[str, AfterValidator(unquote)]
"""A name in a path. Paths are routed as they were sent, so that an encoded slash stays part of its name."""

_LARGEST_PAGE = 10_000
"""More is refused: a page that is silently shorter than asked for looks like the last one."""
_LARGEST_OFFSET = 2**31 - 1

Limit = Annotated[int, Query(ge=0, le=_LARGEST_PAGE, description="Most entries to answer.")]
Offset = Annotated[int, Query(ge=0, le=_LARGEST_OFFSET, description="Entries to leave out first.")]
Depth = Annotated[int, Query(ge=0, le=1000, description="How far to walk.")]


class Choice(StrEnum):
    """What a parameter may be, in upper or lower case: so Marquez takes it (Dropwizard, `FuzzyEnumParamConverter`)."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return next((member for member in cls if member.casefold() == str(value).casefold()), None)


def database_of(request: Request) -> Database:
    """The service's database."""
    return request.app.state.database


def writer_of(request: Request) -> Writer:
    """What stores events."""
    return request.app.state.writer


async def _connected(request: Request) -> AsyncIterator[Connection]:
    async with database_of(request).connection() as connection:
        yield connection


Connected = Annotated[Connection, Depends(_connected, scope="function")]
"""A pooled connection for one request, given back before the answer is sent: a slow reader must not hold it."""
