"""A project's lineage compared with its backend, repaired, or sent again: reading, asking and sending tied together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from weather_pipeline.lineage.expected import ExpectedDataset, ExpectedRun, expected_datasets, expected_runs
from weather_pipeline.lineage.explain import job_name
from weather_pipeline.lineage.history import Census, Recorded, Span, reports_in, runs_in, tell
from weather_pipeline.lineage.marquez_api import BackendError, MarquezApi, same_server
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.projects import Project
from weather_pipeline.lineage.reader import run_info
from weather_pipeline.lineage.resend import Parcel, Resending
from weather_pipeline.lineage.sinks.way import Way
from weather_pipeline.lineage.verify import Verification, Verifier, incomplete, verification

_YOUNG = timedelta(seconds=30)
"""How long the sensor may need for an event that is due."""


def api_of(way: Way, url: str | None) -> MarquezApi:
    """The Marquez API of the backend at the end of a way, or of another address.

    The way's credentials go to its own server alone.

    Raises:
        BackendError: It ends at no HTTP address, and none is given; or no Marquez answers.
    """
    transport = way.transport
    own = transport.url if transport else None
    if own is None and url is None:
        raise BackendError(
            f"Events go to {way.sinks[0].name}, which can't be asked what it knows. Where a Marquez gets them from "
            "there, name it: --url http://HOST:PORT."
        )
    address = url or str(own)
    api = MarquezApi(address, transport if own and same_server(address, own) else None)
    api.check()
    return api


class Audit:
    """One comparison of a span with a backend.

    Args:
        project: The project.
        way: The way that events take to the backend.
        api: The backend.
        span: The span.
        now: The present, timezone-aware.
        tell: Hears how far it is, in words.
    """

    def __init__(
        self, project: Project, way: Way, api: MarquezApi, *, span: Span, now: datetime, tell: Callable[[str], None]
    ) -> None:
        self._project = project
        self._way = way
        self._api = api
        self._span = span
        self._now = now
        self._tell = tell
        self._runs: list[ExpectedRun] = []
        self._datasets: dict[str, ExpectedDataset] = {}
        self._problems: list[str] = []
        self._kept_back = 0
        self._census = Census()

    def verify(self) -> Verification:
        """Read what Dagster recorded, ask the backend, compare.

        Raises:
            BackendError: The backend can't be asked.
            StorageUnavailable: Dagster's storage can't be read now.
        """
        self._runs, self._datasets, self._problems = [], {}, []
        self._kept_back = 0
        self._census = Census()
        for recorded in recorded_in(self._project, self._span, self._now, self._census):
            about = f"in Dagster run {recorded.run_id}" if recorded.run_id else "reported without a run"
            self._problems += [
                f"{problem.about}, {about}: {problem.reason.strip().splitlines()[-1]}"
                for problem in recorded.story.problems
            ]
            arriving = self._arriving(recorded)
            self._runs += expected_runs(arriving)
            self._datasets |= expected_datasets(arriving)
            self._tell(f"Reading Dagster's log: {self._census.told:,} runs")
        return self._compare()

    def repair(self, found: Verification, resending: Resending) -> Verification:
        """Send again what a comparison lacked, and compare anew.

        Raises:
            BackendAway: The backend takes nothing for long.
            BackendError: The backend can't be asked.
        """
        resending.send(self._lacking(incomplete(found)))
        return self._compare()

    def _arriving(self, recorded: Recorded) -> Recorded:
        """What of it is to arrive, as it is to arrive."""
        story = recorded.story
        messages = [arriving for message in story.messages if (arriving := self._way.arriving(message))]
        self._kept_back += len(story.messages) - len(messages)
        return replace(recorded, story=story._replace(messages=messages))

    def _lacking(self, lacking: dict[str, set[str]]) -> Iterator[Parcel]:
        project, builder, now = self._project, self._project.builder(), self._now
        for run_id, subjects in lacking.items():
            if not run_id:
                reports = reports_in(project.instance, self._span, builder, now)
                yield from (
                    _parcel(each, lambda message, wanted=subjects: message.subject in wanted) for each in reports
                )
            elif known := run_info(project.instance, run_id):
                recorded = tell(project.instance, known[0], builder, project.options, now)
                yield _parcel(recorded, lambda message, wanted=subjects: message.subject in wanted)

    def _compare(self) -> Verification:
        total = len(self._runs)
        verifier = Verifier(self._api, lambda done: self._tell(f"Asking {self._api.name}: {done:,} of {total:,} runs"))
        gaps = verifier.gaps(self._runs) | verifier.dataset_gaps(self._datasets)
        keys = [key for run in self._runs if run.run_id in gaps for key in run.keys]
        keys += [dataset.key for subject, dataset in self._datasets.items() if subject in gaps]
        refused = {letter.key for letter in self._project.letters.of(keys)}
        found = Verification(
            since=self._span.since.isoformat(),
            until=self._span.until.isoformat(),
            backend=self._api.name,
            location=self._project.location,
            census=self._census,
            kept_back=self._kept_back,
            problems=self._problems,
        )
        young_since = self._now - self._project.options.grace - _YOUNG
        result = verification(self._runs, self._datasets, gaps, found=found, refused=refused, young_since=young_since)
        result.requests = self._api.requests
        return result


def recorded_in(project: Project, span: Span, now: datetime, census: Census) -> Iterator[Recorded]:
    """All that the sensor tells of a span: what was reported without a run, then run by run in their order.

    Args:
        project: The project.
        span: The span.
        now: The present, timezone-aware.
        census: Counts the runs, also those of other code locations.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    builder, options = project.builder(), project.options
    yield from reports_in(project.instance, span, builder, now)
    for info in runs_in(project.instance, span, late=max(options.grace, options.settle)):
        if not builder.tells(info):
            census.elsewhere[info.location or ""] += 1
            continue
        census.told += 1
        recorded = tell(project.instance, info, builder, options, now)
        if recorded.story.problems or span.touches(recorded.story):
            yield recorded


def parcels(
    project: Project, span: Span, now: datetime, census: Census, *, jobs: Collection[str] | None = None
) -> Iterator[Parcel]:
    """All events of a span, run by run as they are asked for, oldest run first.

    Args:
        project: The project.
        span: The span.
        now: The present, timezone-aware.
        census: Counts the runs, also those of other code locations.
        jobs: Only events of these OpenLineage jobs; None gives all.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    for recorded in recorded_in(project, span, now, census):
        parcel = _parcel(recorded, lambda message: jobs is None or job_name(message) in jobs)
        if parcel.messages:
            yield parcel


def _parcel(recorded: Recorded, wanted: Callable[[Message], bool]) -> Parcel:
    messages = [message for message in recorded.story.messages if wanted(message)]
    return Parcel(recorded.run_id or "reported", recorded.at, messages)
