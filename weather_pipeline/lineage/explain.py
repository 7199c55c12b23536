"""What would be sent for a Dagster run or an asset, where each part of it came from, and what is withheld and why.

Nothing is sent. The events are those of the sensor, to the byte: the same log, definitions and options make them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import dagster as dg

from weather_pipeline.lineage import reader
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.deadletters import DeadLetters
from weather_pipeline.lineage.describe import Describer
from weather_pipeline.lineage.designs import Designs
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.identity import CHECKS
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.model import AssetPath, RunInfo
from weather_pipeline.lineage.naming import InvalidName
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.runlog import fold_log
from weather_pipeline.lineage.story import Problem, messages_of

_SHORTEST_PREFIX = 6
_LOOKED_THROUGH = 100
"""Materializations among which one by a run is looked for."""


class NotFound(LookupError):
    """There is no such run or asset; says what there is."""


@dataclass(frozen=True)
class Explained:
    """One event, with what is known of its way."""

    message: Message
    refused: str | None = None
    """Why the backend refused it, where it is a dead letter."""

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        message, body = self.message, self.message.body()
        return {
            "subject": message.subject,
            "part": message.part,
            "type": kind_of(message),
            "time": message.at,
            "refused": self.refused,
            "statements": [{"where": each.where, "origin": each.origin.value} for each in message.statements],
            "withheld": [{"where": each.where, "reason": each.reason} for each in message.withheld],
            "event": body,
        }


@dataclass(frozen=True)
class Explanation:
    """What a Dagster run, or an asset's definition, gives rise to."""

    run: RunInfo | None
    """None where nothing but definitions is explained."""
    events: tuple[Explained, ...]
    withheld: tuple[Problem, ...]
    """What gives rise to no event, and why."""

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        run = self.run
        return {
            "run": run
            and {
                "id": run.run_id,
                "job": run.job_name,
                "created": run.created_at.isoformat(),
                "location": run.location,
                "repository": run.repository,
            },
            "events": [each.as_json() for each in self.events],
            "withheld": [{"about": each.about, "reason": each.reason} for each in self.withheld],
        }


def kind_of(message: Message) -> str:
    """START, COMPLETE, … for events of runs; JOB and DATASET for the others."""
    body = message.body()
    return body.get("eventType") or ("DATASET" if "dataset" in body else "JOB")


def find_run(instance: dg.DagsterInstance, prefix: str) -> RunInfo:
    """The Dagster run with this id, or the only one whose id begins so.

    Raises:
        NotFound: There is none, or more than one.
    """
    found = reader.run_info(instance, prefix)
    if found is not None:
        return found[0]
    if len(prefix) < _SHORTEST_PREFIX:
        raise NotFound(f"No Dagster run has the id {prefix!r}: give at least {_SHORTEST_PREFIX} characters of it.")
    matching = reader.runs_beginning_with(instance, prefix, most=2)
    if len(matching) != 1:
        what = "No Dagster run's id begins" if not matching else "More than one Dagster run's id begins"
        raise NotFound(f"{what} with {prefix!r}.")
    return matching[0]


def explain_run(
    instance: dg.DagsterInstance,
    info: RunInfo,
    builder: EventBuilder,
    options: Options,
    now: datetime,
    *,
    letters: DeadLetters | None = None,
    jobs: Iterable[str] | None = None,
    about: AssetPath | None = None,
) -> Explanation:
    """What a Dagster run gives rise to.

    Args:
        instance: The Dagster instance.
        info: The run.
        builder: Builds the events that the sensor would.
        options: What the user chose.
        now: The present, timezone-aware.
        letters: Where it is known what the backend refused.
        jobs: Only events of these OpenLineage jobs.
        about: Only what is withheld about this asset.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    events, _ = reader.read_run(instance, info.run_id, None)
    log = fold_log(events)
    reader.listen(instance, info.run_id, log, now=now, max_runtime=options.max_runtime)
    story = messages_of(log, info, builder, options, now)
    wanted = None if jobs is None else set(jobs)
    messages = [each for each in story.messages if wanted is None or job_name(each) in wanted]
    refused = {letter.key: letter.reason for letter in letters.of(each.key for each in messages)} if letters else {}
    withheld = [each for each in (*story.problems, *story.silent) if about is None or _is_about(each, about)]
    return Explanation(info, tuple(Explained(each, refused.get(each.key)) for each in messages), tuple(withheld))


def explain_asset(catalog: RepositoryCatalog, path: AssetPath, options: Options, now: datetime) -> Explanation:
    """What an asset's definition gives rise to.

    Raises:
        NotFound: The code location has no such asset.
        StorageUnavailable: Dagster's storage can't be read now.
    """
    if catalog.get(path) is None:
        known = ", ".join("/".join(each) for each in catalog.paths()[:20])
        raise NotFound(f"This code location has no asset {'/'.join(path)!r}, and no run begins so. Its assets: {known}")
    if reason := Describer(catalog, options).why_not(path):
        return Explanation(None, (), (Problem("/".join(path), f"The policy keeps it in: {reason}."),))
    try:
        messages = Designs(catalog, options).messages(path, now)
    except InvalidName as error:
        return Explanation(None, (), (Problem("/".join(path), str(error)),))
    return Explanation(None, tuple(Explained(each) for each in messages), ())


def jobs_of(catalog: RepositoryCatalog, path: AssetPath, options: Options) -> list[str]:
    """The names of the OpenLineage jobs of an asset: its own and that of its checks.

    Raises:
        InvalidName: A name is one that no backend should get.
    """
    describe = Describer(catalog, options)
    return [describe.asset_job(path).name, describe.checks_job(path).name]


def last_run_of(instance: dg.DagsterInstance, path: AssetPath) -> RunInfo | None:
    """The newest Dagster run that was to materialize an asset, whether it did or not; None where there is none."""
    key = dg.AssetKey(path)
    newest = (record.asset_entry.last_run_id for record in instance.get_asset_records([key]))
    # None or empty where the asset was reported last, by no run.
    earlier = (record.run_id for record in instance.fetch_materializations(key, limit=_LOOKED_THROUGH).records)
    found = (reader.run_info(instance, run_id) for run_id in chain(newest, earlier) if run_id)
    return next((info[0] for info in found if info), None)


def _is_about(problem: Problem, path: AssetPath) -> bool:
    return problem.about.removesuffix(CHECKS) == "/".join(path)


def job_name(message: Message) -> str | None:
    """The name of the job that an event is about; None for an event about a dataset."""
    job: Mapping[str, Any] = message.body().get("job", {})
    return job.get("name")
