"""Posting events: one, or a batch. Answered once what was accepted is stored for good and shows in the next read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import psycopg
from fastapi import APIRouter, Request, Response
from psycopg.errors import QueryCanceled
from pydantic import BaseModel
from pydantic_core import to_json

from weather_pipeline.marquez.embedded.api_schema import EVENT, request_body
from weather_pipeline.marquez.embedded.body import Body, aside, parse_json
from weather_pipeline.marquez.embedded.errors import BodyTooLarge, InvalidBody
from weather_pipeline.marquez.embedded.events import Event
from weather_pipeline.marquez.embedded.metrics import metrics_of
from weather_pipeline.marquez.embedded.parameters import writer_of
from weather_pipeline.marquez.embedded.reading import parse_event
from weather_pipeline.marquez.embedded.writer import MOST_EVENTS, Writer, is_the_events_fault

router = APIRouter(prefix="/api/v1/lineage", tags=["lineage"])


class BatchSummary(BaseModel):
    """How many events of a batch were stored."""

    received: int
    successful: int
    failed: int
    retriable: int
    non_retriable: int


class FailedEvent(BaseModel):
    """An event that was refused: its place in the batch, from 0, and why."""

    index: int
    reason: str
    retriable: bool = False


class BatchResult(BaseModel):
    """The answer to a batch, as the OpenLineage API specifies it (OpenLineage.yml, `/lineage/batch`)."""

    status: Literal["success", "partial_success"]
    summary: BatchSummary
    failed_events: list[FailedEvent]


@router.post("", status_code=201, response_class=Response, openapi_extra=request_body(EVENT))
async def post_event(request: Request, body: Body) -> Response:
    """Store one OpenLineage event."""
    metrics = metrics_of(request)
    document = await aside(len(body), parse_json, body) if body.strip() else None
    try:
        event = await aside(len(body), parse_event, document, body.decode())
    except InvalidBody:
        metrics.refused(document)
        raise
    # A connection is taken only now, by the writer: a slow sender must not hold one.
    with metrics.ingest_seconds.time():
        await writer_of(request).store([event])
    metrics.accepted(event.event_type)
    return Response(status_code=201)


@router.post("/batch", openapi_extra=request_body({"type": "array", "items": EVENT, "maxItems": MOST_EVENTS}))
async def post_batch(request: Request, body: Body) -> BatchResult:
    """Store an array of OpenLineage events, all that are valid in one transaction; the others are named."""
    document = await aside(len(body), parse_json, body)
    if not isinstance(document, list):
        raise InvalidBody(["The request body must be a JSON array of events"])
    if len(document) > MOST_EVENTS:
        raise BodyTooLarge(f"A batch may have {MOST_EVENTS} events: got {len(document)}.")
    events, failed = await aside(len(body), _read, document)
    metrics = metrics_of(request)
    with metrics.ingest_seconds.time():
        failed += await _store(writer_of(request), events)
    refused = {event.index for event in failed}
    for index, entry in enumerate(document):
        if index in refused:
            metrics.refused(entry)
        else:
            metrics.accepted(events[index].event_type)
    return BatchResult(
        status="partial_success" if failed else "success",
        summary=BatchSummary(
            received=len(document),
            successful=len(document) - len(failed),
            failed=len(failed),
            retriable=0,
            non_retriable=len(failed),
        ),
        failed_events=sorted(failed, key=lambda event: event.index),
    )


def _read(document: Sequence[Any]) -> tuple[dict[int, Event], list[FailedEvent]]:
    events: dict[int, Event] = {}
    failed: list[FailedEvent] = []
    for index, entry in enumerate(document):
        try:
            events[index] = parse_event(entry, to_json(entry).decode())
        except InvalidBody as error:
            failed.append(FailedEvent(index=index, reason=str(error)))
    return events, failed


async def _store(writer: Writer, events: dict[int, Event]) -> list[FailedEvent]:
    if not events:
        return []
    try:
        await writer.store([*events.values()])
    except psycopg.Error as error:
        takes_long = isinstance(error, QueryCanceled) and len(events) > 1
        if not (takes_long or is_the_events_fault(error)):
            raise
    else:
        return []
    # A value that PostgreSQL can't store, or more than it can in one statement's time: each event gets a transaction of
    # its own, so that the others are stored.
    failed: list[FailedEvent] = []
    for index, event in events.items():
        try:
            await writer.store([event])
        except psycopg.Error as error:
            if not is_the_events_fault(error):
                raise
            failed.append(FailedEvent(index=index, reason=f"PostgreSQL can't store it: {error.diag.message_primary}"))
    return failed
