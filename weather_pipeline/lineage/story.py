"""A run's folded log → all messages that it gives rise to, in order, and what could not be told.

What the exporter sends, what `verify` expects, what `replay` repeats and what `explain` shows are this one function's
answer.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.facets.base import iso
from weather_pipeline.lineage.fold import asset_runs, check_runs, checks_are_due, job_run, strays
from weather_pipeline.lineage.identity import CHECKS
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.model import (
    AssetPath,
    AssetRun,
    CheckRun,
    JobRun,
    Reported,
    RunInfo,
    StorageUnavailable,
)
from weather_pipeline.lineage.naming import InvalidName
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.runlog import RunLog

_NOT_HERE = "No code location launched the run, and this one does not define the asset: another one's sensor tells it."


@dataclass(frozen=True)
class Problem:
    """Something that happened and can't be told."""

    about: str
    """The asset, as `shop/orders`, with `.checks` for its own checks or the time of a report; or the Dagster job."""
    reason: str
    """What to do about it, or the traceback of a fault in the exporter."""


class Story(NamedTuple):
    """What a Dagster run gives rise to, or what was reported without any."""

    messages: list[Message]
    """Oldest first; the events of one subject in their order."""
    problems: list[Problem]
    silent: Sequence[Problem] = ()
    """Assets' runs of which nothing is told on purpose, and why: skipped outputs, what the policy keeps in, and what
    another code location's sensor tells."""


@dataclass(frozen=True)
class Part:
    """What is known of one subject of a Dagster run, and how its events are built."""

    about: str
    """As `Problem.about`."""
    said: JobRun | AssetRun | CheckRun | Reported
    """What its events are built of: the same gives the same events."""
    build: Callable[[], Iterator[Message]]

    @property
    def at(self) -> datetime:
        """The time of its first event."""
        return self.said.started_at if isinstance(self.said, JobRun | AssetRun | CheckRun) else self.said.at

    @property
    def has_ended(self) -> bool:
        """Whether no further event of it is waited for."""
        return not isinstance(self.said, JobRun | AssetRun) or self.said.ended_at is not None

    @property
    def is_inferred(self) -> bool:
        """Whether its end was concluded, not read from the log."""
        return isinstance(self.said, JobRun | AssetRun) and self.said.inferred

    def messages(self) -> list[Message] | Problem:
        """All its events, or the reason why it can't be told.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        try:
            return list(self.build())
        except StorageUnavailable:
            raise
        except InvalidName as error:
            return Problem(self.about, str(error))
        except Exception:  # noqa: BLE001  (one asset that can't be told must not silence the others)
            return Problem(self.about, traceback.format_exc())


def _can_tell(part: Part) -> bool:
    return not isinstance(part.messages(), Problem)


def messages_of(log: RunLog, info: RunInfo, builder: EventBuilder, options: Options, now: datetime) -> Story:
    """All messages of a Dagster run as far as its log has been read; the same log always gives the same messages.

    What can't be built for one asset does not silence the others.

    Args:
        log: The folded log.
        info: The Dagster run.
        builder: Builds events from what the definitions say.
        options: What the user chose.
        now: The present, timezone-aware: it decides what is still waited for.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    if not builder.tells(info):
        return Story([], [], [Problem(info.job_name, f"The sensor of {_home(info)} tells it.")])
    parts, share = parts_of(log, info, builder, options, now), builder.share_of(log, info)
    silent = [
        Problem("/".join(run.path), reason)
        for run in asset_runs(log, info, **_waits(options, now))
        if (reason := builder.why_not(run) if share.asset(run.path) else _NOT_HERE)
    ]
    return _story(part.messages() for part in parts)._replace(silent=silent)


def parts_of(
    log: RunLog,
    info: RunInfo,
    builder: EventBuilder,
    options: Options,
    now: datetime,
    *,
    can_tell: Callable[[Part], bool] = _can_tell,
) -> list[Part]:
    """The subjects of a Dagster run as far as its log has been read; see `messages_of`.

    `can_tell` says whether a part's events can be built, for who remembers what was built.
    """
    waits, share = _waits(options, now), builder.share_of(log, info)
    job = job_run(log, info, now=now, settle=options.settle, max_runtime=options.max_runtime)
    started = asset_runs(log, info, **waits)
    runs = [run for run in started if share.asset(run.path)]
    told = [Part("/".join(run.path), run, partial(builder.asset_events, run)) for run in runs]
    checked: Sequence[CheckRun] = ()
    if log.checks and checks_are_due(log, **waits):
        elsewhere = {*_asserted(builder, told, can_tell), *(each for each in log.checks if not share.check(*each))}
        checked = check_runs(log, info, elsewhere=elsewhere, **waits)
    noticed = [each for each in (*log.observations, *strays(log, started, **waits)) if share.asset(each.path)]
    return [
        *([Part(info.job_name, job, partial(builder.job_events, job))] if job and share.job else []),
        *told,
        *(Part("/".join(checks.path) + CHECKS, checks, partial(builder.check_events, checks)) for checks in checked),
        *(Part(_about(each), each, partial(builder.dataset_events, each, info)) for each in noticed),
    ]


def _waits(options: Options, now: datetime) -> Any:
    return {"now": now, "grace": options.grace, "max_runtime": options.max_runtime}


def _asserted(
    builder: EventBuilder, told: Iterable[Part], can_tell: Callable[[Part], bool]
) -> Iterator[tuple[AssetPath, str]]:
    """The checks that some run tells as assertions on its inputs; not one of a run that can't be told."""
    for part in told:
        if isinstance(part.said, AssetRun) and part.said.checks:
            found = builder.asserted(part.said)
            if found and can_tell(part):
                yield from found


def story_of_reports(reported: Iterable[Reported], builder: EventBuilder) -> Story:
    """All messages about what was reported without any run.

    Args:
        reported: Materializations, observations and check evaluations, oldest first.
        builder: Builds events from what the definitions say.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    return _story(Part(_about(event), event, partial(builder.report_events, event)).messages() for event in reported)


def _story(told: Iterable[list[Message] | Problem]) -> Story:
    messages: list[Message] = []
    problems: list[Problem] = []
    for each in told:
        if isinstance(each, Problem):
            problems.append(each)
        else:
            messages += each
    return Story(sorted(messages, key=lambda message: message.at), problems)


def _home(info: RunInfo) -> str:
    return f"code location {info.location!r} (repository {info.repository!r})"


def _about(reported: Reported) -> str:
    return f"{'/'.join(reported.path)} at {iso(reported.at)}"
