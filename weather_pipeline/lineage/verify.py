"""What Dagster recorded, compared with what the backend knows: run by run, edge by edge, facet by facet.

A run counts as complete when the backend has it in the right state, with every edge and every facet that Dagster's log
gives rise to. Coverage is the share of complete runs among those that had to be there already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from weather_pipeline.lineage.expected import ExpectedDataset, ExpectedRun, Name
from weather_pipeline.lineage.facets.base import iso
from weather_pipeline.lineage.history import Census
from weather_pipeline.lineage.marquez_api import READERS, MarquezApi

_FEW = 8
"""Runs of a job up to which each is asked for by its id; for more, the job's runs are read in pages."""
_SPARE_PAGES = 4
"""Pages beyond those that the wanted runs would fill, before the rest is asked for by id."""


@dataclass(frozen=True)
class Gap:
    """Something that Dagster recorded and the backend does not know."""

    kind: str
    """`run`, `state`, `input`, `output`, `facet` or `dataset`."""
    detail: str
    subject: str
    """The OpenLineage run id; for a dataset, the subject of the events about it."""
    job: str
    """The job's name, or the dataset's."""
    dagster_run: str
    """Empty where no run was involved."""


@dataclass
class Verification:
    """What was found, in runs unless it says otherwise."""

    since: str
    until: str
    backend: str
    location: str
    """The code location whose sensor tells."""
    census: Census = field(default_factory=Census)
    """The Dagster runs of that time."""
    kept_back: int = 0
    """Events that OpenLineage's own configuration keeps back, as by a filter: nobody expects them."""
    expected: int = 0
    complete: int = 0
    in_flight: int = 0
    """Not there yet, and so young that they may be on their way: they count neither way."""
    datasets: int = 0
    """Datasets about which something was reported or observed, and that had to be there."""
    datasets_found: int = 0
    in_flight_datasets: int = 0
    edges: int = 0
    """Edges of the runs that had to be there …"""
    edges_found: int = 0
    facets: int = 0
    """… and their facets."""
    facets_found: int = 0
    dead_letters: int = 0
    """Incomplete runs, and missing datasets, of which an event was refused for good."""
    problems: list[str] = field(default_factory=list)
    """What Dagster recorded and no event can be built of, in words: each counts as one that is missing."""
    gaps: list[Gap] = field(default_factory=list)
    requests: int = 0

    @property
    def due(self) -> int:
        """Runs that had to be there."""
        return self.expected - self.in_flight

    @property
    def coverage(self) -> float:
        """Complete runs, and reported datasets that are known, of those that had to be there; in percent."""
        due = self.due + self.datasets + len(self.problems)
        return 100.0 * (self.complete + self.datasets_found) / due if due else 100.0

    @property
    def nothing(self) -> str | None:
        """Why there was nothing to compare; None where there was something."""
        if self.expected or self.datasets or self.in_flight_datasets or self.problems:
            return None
        if why := self.census.why_none(self.location):
            return why
        if self.kept_back:
            return f"OpenLineage's configuration keeps back all {self.kept_back:,} events of this time"
        return f"no Dagster run in this time has anything to tell, of {self.census.told:,}"

    def reaches(self, threshold: float) -> bool:
        """Whether coverage is as it should be, and was not taken of nothing because all runs are of others.

        Args:
            threshold: Least coverage in percent.
        """
        return self.coverage >= threshold and not (self.nothing and self.census.is_of_others)

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON values; coverage is rounded down, so that 100 means all."""
        found = asdict(self)
        census = found.pop("census")
        figures = {"dagster_runs": census["told"], "elsewhere": census["elsewhere"]}
        return {"coverage": int(self.coverage * 1000) / 1000, "nothing": self.nothing, **found, **figures}


class Verifier:
    """Asks a backend about expected runs: few requests, several in flight.

    Args:
        api: The backend.
        tell: Hears how many runs have been compared.
    """

    def __init__(self, api: MarquezApi, tell: Callable[[int], None] = lambda _: None) -> None:
        self._api = api
        self._tell = tell
        self._physical: dict[Name, str | None] = {}

    def gaps(self, expected: Sequence[ExpectedRun]) -> dict[str, list[Gap]]:
        """What is missing of each run that is not complete.

        Raises:
            BackendError: The backend can't be asked.
        """
        jobs: dict[Name, list[ExpectedRun]] = defaultdict(list)
        for run in expected:
            jobs[run.job].append(run)
        found: dict[str, list[Gap]] = {}
        compared = 0
        with ThreadPoolExecutor(READERS, thread_name_prefix="openlineage-verify") as pool:
            for gaps, count in pool.map(self._gaps_of_job, jobs.values()):
                found |= gaps
                compared += count
                self._tell(compared)
        return found

    def dataset_gaps(self, expected: Mapping[str, ExpectedDataset]) -> dict[str, list[Gap]]:
        """The datasets that the backend does not know, by subject.

        Raises:
            BackendError: The backend can't be asked.
        """
        with ThreadPoolExecutor(READERS, thread_name_prefix="openlineage-verify") as pool:
            known = dict(
                zip(expected, pool.map(lambda each: self._api.dataset(*each.name), expected.values()), strict=True)
            )
        return {
            subject: [Gap("dataset", f"{each.name[0]}/{each.name[1]}", subject, each.name[1], each.dagster_run)]
            for subject, each in expected.items()
            if known[subject] is None
        }

    def _gaps_of_job(self, expected: list[ExpectedRun]) -> tuple[dict[str, list[Gap]], int]:
        known = self._read(expected)
        gaps = {run.run_id: self._compare(run, known.get(run.run_id)) for run in expected}
        newest = max((run for run in expected if run.state == "COMPLETED"), key=lambda run: run.at, default=None)
        if newest and newest.run_id in known:
            gaps[newest.run_id] += self._described(newest, known[newest.run_id])
        return {run_id: missing for run_id, missing in gaps.items() if missing}, len(expected)

    def _read(self, expected: Sequence[ExpectedRun]) -> dict[str, dict[str, Any]]:
        """What the backend knows of runs of one job."""
        wanted = {run.run_id for run in expected}
        known: dict[str, dict[str, Any]] = {}
        if len(wanted) > _FEW:
            most = len(wanted)
            for number, page in enumerate(self._api.runs(*expected[0].job)):
                known |= {run["id"]: run for run in page if run["id"] in wanted}
                if len(known) == most or number >= _SPARE_PAGES + most // max(1, len(page)):
                    break
        with ThreadPoolExecutor(READERS) as pool:
            asked = pool.map(self._api.run, sorted(wanted - known.keys()))
            return known | {run["id"]: run for run in asked if run}

    def _compare(self, run: ExpectedRun, known: Mapping[str, Any] | None) -> list[Gap]:
        if known is None:
            return [_gap(run, "run", f"{run.state.lower()} at {run.at}")]
        gaps = []
        if run.state not in ("RUNNING", known["state"]):
            gaps.append(_gap(run, "state", f"{known['state']} instead of {run.state}"))
        missing = run.run_facets - (known.get("facets") or {}).keys()
        gaps += [_gap(run, "facet", f"run.{key}") for key in sorted(missing)]
        for side, ends in (("input", run.inputs), ("output", run.outputs)):
            there: dict[Name, set[str]] = defaultdict(set)
            for each in known.get(f"{side}DatasetVersions") or ():
                there[_name(each)] |= (each.get("facets") or {}).keys()
            for name, keys in sorted(ends.io_facets.items()):
                actual = name if name in there else self._alias(name, there)
                where = f"{name[0]}/{name[1]}"
                if actual is None:
                    gaps.append(_gap(run, side, where))
                else:
                    lacking = sorted(keys - there[actual])
                    gaps += [_gap(run, "facet", f"{side}s[{where}].{key}") for key in lacking]
        return gaps

    def _alias(self, name: Name, there: Collection[Name]) -> Name | None:
        """The dataset under another of its names: a backend knows a dataset with symlinks by one of them."""
        if not there:
            return None
        if name not in self._physical:
            dataset = self._api.dataset(*name)
            self._physical[name] = dataset.get("physicalName") if dataset else None
        return next((each for each in there if each[1] == self._physical[name]), None)

    def _described(self, run: ExpectedRun, known: Mapping[str, Any]) -> list[Gap]:
        """What is missing of the job and of the datasets that a run wrote: asked for the newest run of a job alone."""
        lacking = run.job_facets - self._api.job_facets(run.run_id).keys()
        gaps = [_gap(run, "facet", f"job.{key}") for key in sorted(lacking)]
        seen: set[Name] = set()
        # A run may have made several versions of a dataset: one at its start, one when its columns were known.
        missing = dict(run.outputs.facets)
        for each in known.get("outputDatasetVersions") or ():
            name = _name(each)
            if missing.get(name):
                version = self._api.dataset_version(*name, each["datasetVersionId"]["version"]) or {}
                missing[name] -= (version.get("facets") or {}).keys()
                seen.add(name)
        for name in sorted(seen):
            gaps += [_gap(run, "facet", f"{name[0]}/{name[1]}.{key}") for key in sorted(missing[name])]
        return gaps


def verification(
    expected: Sequence[ExpectedRun],
    datasets: Mapping[str, ExpectedDataset],
    gaps: Mapping[str, Sequence[Gap]],
    *,
    found: Verification,
    refused: Collection[str],
    young_since: datetime,
) -> Verification:
    """Count what was found.

    Args:
        expected: All expected runs.
        datasets: All expected datasets, by subject.
        gaps: What is missing, by run id, and by subject for datasets.
        found: What is known of the span and the backend; the counts go there.
        refused: Keys of events that became dead letters.
        young_since: Runs whose newest event is younger may still be on their way.
    """
    young = iso(young_since)
    for run in expected:
        missing = gaps.get(run.run_id, ())
        found.expected += 1
        if missing and run.at >= young:
            found.in_flight += 1
            continue
        found.complete += not missing
        found.edges += run.edges
        found.facets += run.facet_count
        if any(gap.kind == "run" for gap in missing):
            lost_edges, lost_facets = run.edges, run.facet_count
        else:
            lost_edges = sum(gap.kind in ("input", "output") for gap in missing)
            lost_facets = sum(gap.kind == "facet" for gap in missing)
        found.edges_found += run.edges - lost_edges
        found.facets_found += max(0, run.facet_count - lost_facets)
        found.dead_letters += bool(missing) and any(key in refused for key in run.keys)
        found.gaps += missing
    for subject, dataset in datasets.items():
        missing = gaps.get(subject, ())
        if missing and dataset.at >= young:
            found.in_flight_datasets += 1
            continue
        found.datasets += 1
        found.datasets_found += not missing
        found.dead_letters += bool(missing) and dataset.key in refused
        found.gaps += missing
    return found


def _gap(run: ExpectedRun, kind: str, detail: str) -> Gap:
    return Gap(kind, detail, run.run_id, run.job[1], run.dagster_run)


def _name(version: Mapping[str, Any]) -> Name:
    identity = version["datasetVersionId"]
    return identity["namespace"], identity["name"]


def incomplete(found: Verification) -> dict[str, set[str]]:
    """What is to be sent again: Dagster run → subjects; an empty one for what was reported without any run."""
    by_run: dict[str, set[str]] = defaultdict(set)
    for gap in found.gaps:
        by_run[gap.dagster_run].add(gap.subject)
    return by_run
