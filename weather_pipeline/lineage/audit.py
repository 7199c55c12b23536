"""A project's lineage compared with its backend, repaired, or sent again: reading, asking and sending tied together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta

from openlineage.client.transport import HttpTransport

from weather_pipeline.lineage.deadletters import dead_letters
from weather_pipeline.lineage.delivery import Sink
from weather_pipeline.lineage.history import Recorded, Span, runs_in, tell
from weather_pipeline.lineage.marquez_api import BackendError, MarquezApi, same_server
from weather_pipeline.lineage.model import RunInfo
from weather_pipeline.lineage.projects import Project
from weather_pipeline.lineage.reader import run_info
from weather_pipeline.lineage.resend import Parcel, Resending, Resent
from weather_pipeline.lineage.sinks import HttpSink
from weather_pipeline.lineage.verify import (
    ExpectedRun,
    Verification,
    Verifier,
    expected_runs,
    incomplete,
    verification,
)

_YOUNG = timedelta(seconds=30)
"""How long the sensor may need for an event that is due."""


def api_of(sink: Sink, url: str | None) -> MarquezApi:
    """The Marquez API of the backend to which a sink sends, or of another address.

    The sink's credentials go to its own server alone.

    Raises:
        BackendError: The sink sends to no HTTP address, and none is given; or no Marquez answers.
    """
    transport = _http_transport(sink)
    own = transport.url if transport else None
    if own is None and url is None:
        raise BackendError(
            f"Events go to {sink.name}, which can't be asked what it knows. Where a Marquez gets them from there, "
            "name it: --url http://HOST:PORT."
        )
    address = url or str(own)
    api = MarquezApi(address, transport if own and same_server(address, own) else None)
    api.check()
    return api


def _http_transport(sink: Sink) -> HttpTransport | None:
    """The HTTP transport of a sink, or of the first of those within it that has one."""
    if isinstance(sink, HttpSink):
        return sink.transport
    return next((found for inner in getattr(sink, "inner", ()) if (found := _http_transport(inner))), None)


class Audit:
    """One comparison of a span with a backend.

    Args:
        project: The project.
        api: The backend.
        span: The span.
        now: The present, timezone-aware.
        tell: Hears how far it is, in words.
    """

    def __init__(
        self, project: Project, api: MarquezApi, span: Span, now: datetime, tell: Callable[[str], None]
    ) -> None:
        self._project = project
        self._api = api
        self._span = span
        self._now = now
        self._tell = tell
        self._expected: list[ExpectedRun] = []
        self._problems: list[str] = []

    def verify(self) -> Verification:
        """Read what Dagster recorded, ask the backend, compare.

        Raises:
            BackendError: The backend can't be asked.
            StorageUnavailable: Dagster's storage can't be read now.
        """
        builder, options = self._project.builder(), self._project.options
        self._expected, self._problems = [], []
        runs = runs_in(self._project.instance, self._span, location=self._project.tells)
        for number, info in enumerate(runs, 1):
            recorded = tell(self._project.instance, info, builder, options, self._now)
            self._problems += [
                f"{problem.about} in Dagster run {info.run_id}: {problem.reason.strip().splitlines()[-1]}"
                for problem in recorded.story.problems
            ]
            if self._span.touches(recorded.story):
                self._expected += expected_runs(recorded)
            self._tell(f"Reading Dagster's log: {number:,} runs")
        return self._compare()

    def repair(self, resending: Resending) -> Verification:
        """Send again what the last comparison lacked, and compare anew.

        Raises:
            BackendAway: The backend takes nothing for long.
            BackendError: The backend can't be asked.
        """
        lacking = incomplete(self._expected, self._compare())
        if lacking:
            resending.send(self._parcels(lacking))
        return self._compare()

    def _parcels(self, lacking: dict[str, set[str]]) -> Iterator[Parcel]:
        builder, options = self._project.builder(), self._project.options
        for run_id, subjects in lacking.items():
            found = run_info(self._project.instance, run_id)
            if found is not None:
                recorded = tell(self._project.instance, found[0], builder, options, self._now)
                yield _parcel(recorded, lambda subject, subjects=subjects: subject in subjects)

    def _compare(self) -> Verification:
        total = len(self._expected)
        verifier = Verifier(self._api, lambda done: self._tell(f"Asking {self._api.name}: {done:,} of {total:,} runs"))
        gaps = verifier.gaps(self._expected)
        refused = {letter.key for letter in dead_letters(self._project.instance)}
        found = Verification(self._span.since.isoformat(), self._span.until.isoformat(), self._api.name)
        found.problems = self._problems
        young_since = self._now - self._project.options.grace - _YOUNG
        result = verification(self._expected, gaps, found=found, refused=refused, young_since=young_since)
        result.requests = self._api.requests
        return result


def replay(
    project: Project,
    span: Span,
    resending: Resending,
    now: datetime,
    *,
    jobs: Collection[str] | None = None,
    tell_read: Callable[[RunInfo], None] = lambda _: None,
) -> Resent:
    """Send everything of the runs that a span touches again, oldest run first; the sensor's cursor stays as it is.

    Args:
        project: The project.
        span: The span.
        resending: Sends, and knows how far it came.
        now: The present, timezone-aware.
        jobs: Only events of these OpenLineage jobs; None sends all.
        tell_read: Hears of every run that was read.

    Raises:
        BackendAway: The backend takes nothing for long.
        StorageUnavailable: Dagster's storage can't be read now.
    """
    return resending.send(parcels(project, span, now, jobs=jobs, tell_read=tell_read))


def parcels(
    project: Project,
    span: Span,
    now: datetime,
    *,
    jobs: Collection[str] | None = None,
    tell_read: Callable[[RunInfo], None] = lambda _: None,
) -> Iterator[Parcel]:
    """The events of the runs that a span touches, run by run as they are asked for."""
    builder, options = project.builder(), project.options
    for info in runs_in(project.instance, span, location=project.tells):
        recorded = tell(project.instance, info, builder, options, now)
        tell_read(info)
        if span.touches(recorded.story):
            parcel = _parcel(recorded, lambda _: True, jobs=jobs)
            if parcel.messages:
                yield parcel


def _parcel(recorded: Recorded, wanted: Callable[[str], bool], *, jobs: Iterable[str] | None = None) -> Parcel:
    messages = [
        message
        for message in recorded.story.messages
        if wanted(message.subject) and (jobs is None or message.body().get("job", {}).get("name") in jobs)
    ]
    return Parcel(recorded.info.run_id, recorded.info.created_at, messages)
