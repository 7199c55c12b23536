"""A run's folded log → all messages that it gives rise to, in order, and what could not be told.

What the exporter sends, what `verify` expects, what `replay` repeats and what `explain` shows are this one function's
answer.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.facets.base import iso
from weather_pipeline.lineage.fold import asset_runs, check_runs, job_run
from weather_pipeline.lineage.identity import CHECKS
from weather_pipeline.lineage.messages import START, Message
from weather_pipeline.lineage.model import Reported, RunInfo, StorageUnavailable
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
    """What a Dagster run gives rise to."""

    messages: list[Message]
    """Oldest first; the events of one subject in their order."""
    problems: list[Problem]
    silent: Sequence[Problem] = ()
    """Assets' runs of which nothing is told on purpose, and why: skipped outputs, what the policy keeps in, and what
    another code location's sensor tells."""

    @property
    def has_open_starts(self) -> bool:
        """Whether the START of any run is told without its end."""
        ended = {message.subject for message in self.messages if message.part != START}
        return any(message.part == START and message.subject not in ended for message in self.messages)


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
    waits: Any = {"now": now, "grace": options.grace, "max_runtime": options.max_runtime}
    story, share = Story([], []), builder.share_of(log, info)
    job = job_run(log, info, now=now, settle=options.settle, max_runtime=options.max_runtime)
    if job and share.job:
        _tell(story, info.job_name, lambda: builder.job_events(job))
    started = asset_runs(log, info, **waits)
    runs = [run for run in started if share.asset(run.path)]
    silent = [Problem("/".join(run.path), _NOT_HERE) for run in started if not share.asset(run.path)]
    silent += [Problem("/".join(run.path), reason) for run in runs if (reason := builder.why_not(run))]
    told = [run for run in runs if _tell(story, "/".join(run.path), lambda run=run: builder.asset_events(run))]
    asserted = [check for run in told for check in builder.asserted(run)]
    elsewhere = [*asserted, *(check for check in log.checks if not share.check(*check))]
    for checks in check_runs(log, info, elsewhere=elsewhere, **waits):
        _tell(story, "/".join(checks.path) + CHECKS, lambda checks=checks: builder.check_events(checks))
    for observed in (each for each in log.observations if share.asset(each.path)):
        _tell(story, _about(observed), lambda observed=observed: builder.dataset_events(observed, info))
    story.messages.sort(key=lambda message: message.at)
    return story._replace(silent=silent)


def story_of_reports(reported: Iterable[Reported], builder: EventBuilder) -> Story:
    """All messages about what was reported without any run.

    Args:
        reported: Materializations, observations and check evaluations, oldest first.
        builder: Builds events from what the definitions say.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    story = Story([], [])
    for event in reported:
        _tell(story, _about(event), lambda event=event: builder.report_events(event))
    return story


def _home(info: RunInfo) -> str:
    return f"code location {info.location!r} (repository {info.repository!r})"


def _about(reported: Reported) -> str:
    return f"{'/'.join(reported.path)} at {iso(reported.at)}"


def _tell(story: Story, about: str, build: Callable[[], Iterator[Message]]) -> bool:
    """Add what one part of the run gives rise to: all of it, or the reason why it can't be told; says which."""
    try:
        story.messages.extend(list(build()))
    except StorageUnavailable:
        raise
    except InvalidName as error:
        story.problems.append(Problem(about, str(error)))
    except Exception:  # noqa: BLE001  (one asset that can't be told must not silence the others)
        story.problems.append(Problem(about, traceback.format_exc()))
    else:
        return True
    return False
