"""The comparison of expected runs with what a backend answers: a real HTTP server that repeats given answers."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.marquez_double import NOT_FOUND, Answer, MarquezDouble
from weather_pipeline.lineage.expected import Ends, ExpectedDataset, ExpectedRun
from weather_pipeline.lineage.history import Census
from weather_pipeline.lineage.marquez_api import BackendError, MarquezApi, same_server
from weather_pipeline.lineage.verify import (
    Gap,
    Verification,
    Verifier,
    incomplete,
    verification,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RAW, ORDERS = ("db", "raw"), ("db", "orders")
NOTHING = frozenset[str]()


def expected(number: int = 1, **changes: Any) -> ExpectedRun:
    fields: dict[str, Any] = {
        "run_id": f"run-{number}",
        "job": ("shop", "orders"),
        "dagster_run": f"dagster-{number}",
        "state": "COMPLETED",
        "at": "2026-11-21T10:00:00.000000Z",
        "keys": (f"run-{number}:start", f"run-{number}:end"),
        "run_facets": frozenset({"dagster_run"}),
        "job_facets": NOTHING,
        "inputs": Ends({RAW: NOTHING}, {RAW: NOTHING}),
        "outputs": Ends({ORDERS: NOTHING}, {ORDERS: frozenset({"outputStatistics"})}),
        **changes,
    }
    return ExpectedRun(**fields)


def known(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"run-{number}",
        "state": "COMPLETED",
        "facets": {"dagster_run": {}},
        "inputDatasetVersions": [version(*RAW)],
        "outputDatasetVersions": [version(*ORDERS, outputStatistics={})],
        **changes,
    }


def version(namespace: str, name: str, **facets: Any) -> dict[str, Any]:
    return {"datasetVersionId": {"namespace": namespace, "name": name, "version": "v1"}, "facets": facets}


class Backend:
    """Answers as Marquez does, from a list of runs."""

    def __init__(self, *runs: dict[str, Any], datasets: dict[str, Any] | None = None) -> None:
        self.runs = list(runs)
        self.datasets = datasets or {}

    def __call__(self, target: str) -> Answer:
        parts = urlsplit(target)
        path, query = parts.path.removeprefix("/api/v1"), parse_qs(parts.query)
        if path.endswith("/runs"):
            offset, limit = int(query["offset"][0]), int(query["limit"][0])
            return 200, {"runs": self.runs[offset : offset + limit], "totalCount": len(self.runs)}
        if path.endswith("/facets"):
            return 200, {"facets": {}}
        if path.startswith("/jobs/runs/"):
            found = [run for run in self.runs if path.endswith(f"/{run['id']}")]
            return (200, found[0]) if found else NOT_FOUND
        name = path.rpartition("/")[2]
        return (200, self.datasets[name]) if name in self.datasets else NOT_FOUND


def gaps(wanted: list[ExpectedRun], backend: Backend) -> tuple[dict[str, list[Gap]], int]:
    with MarquezDouble(backend) as server:
        api = MarquezApi(server.url)
        found = Verifier(api).gaps(wanted)
        api.close()
        return found, api.requests


def details(wanted: ExpectedRun, backend: Backend) -> list[tuple[str, str]]:
    return [(gap.kind, gap.detail) for gap in gaps([wanted], backend)[0].get(wanted.run_id, [])]


def test_a_complete_run_has_no_gap() -> None:
    assert details(expected(), Backend(known())) == []


def test_each_thing_that_is_missing_is_a_gap() -> None:
    assert details(expected(), Backend()) == [("run", "completed at 2026-11-21T10:00:00.000000Z")]
    assert details(expected(), Backend(known(state="RUNNING"))) == [("state", "RUNNING instead of COMPLETED")]
    assert details(expected(), Backend(known(facets={}))) == [("facet", "run.dagster_run")]
    assert details(expected(), Backend(known(inputDatasetVersions=[]))) == [("input", "db/raw")]
    assert details(expected(), Backend(known(outputDatasetVersions=[]))) == [("output", "db/orders")]
    bare = known(outputDatasetVersions=[version(*ORDERS)])
    assert details(expected(), Backend(bare)) == [("facet", "outputs[db/orders].outputStatistics")]


def test_a_run_that_dagster_has_running_may_be_further_in_the_backend() -> None:
    assert details(expected(state="RUNNING"), Backend(known(state="COMPLETED"))) == []


def test_facets_may_be_spread_over_several_versions_of_an_output() -> None:
    both = known(outputDatasetVersions=[version(*ORDERS), version(*ORDERS, outputStatistics={})])
    assert details(expected(), Backend(both)) == []


def test_a_dataset_is_found_under_another_of_its_names() -> None:
    renamed = known(inputDatasetVersions=[version("s3://lake", "raw_files")])
    aliases = {"raw": {"physicalName": "raw_files"}}
    assert details(expected(), Backend(renamed, datasets=aliases)) == []
    assert details(expected(), Backend(renamed)) == [("input", "db/raw")]


def test_thousands_of_runs_take_few_requests() -> None:
    wanted = [expected(number) for number in range(3000)]
    found, requests = gaps(wanted, Backend(*[known(number) for number in range(2999)]))
    assert list(found) == ["run-2999"]
    assert requests < 15


def test_old_runs_of_a_job_with_many_are_asked_for_by_their_ids() -> None:
    wanted = [expected(number) for number in range(20)]
    newer = [known(number) for number in range(1000, 9000)]
    found, requests = gaps(wanted, Backend(*newer, *[known(number) for number in range(20)]))
    assert found == {}
    assert requests < 40


def count(wanted: list[ExpectedRun], found: dict[str, list[Gap]], refused: set[str] | None = None) -> Verification:
    start = Verification("since", "until", "backend", "shop")
    young_since = NOW - timedelta(minutes=1)
    return verification(wanted, {}, found, found=start, refused=refused or set(), young_since=young_since)


def gap(number: int, kind: str = "run") -> dict[str, list[Gap]]:
    return {f"run-{number}": [Gap(kind, "", f"run-{number}", "orders", f"dagster-{number}")]}


def test_coverage_is_the_share_of_complete_runs() -> None:
    found = count([expected(1), expected(2), expected(3)], gap(2))
    assert (found.complete, found.due, found.as_json()["coverage"]) == (2, 3, 66.666)
    assert (found.edges, found.edges_found, found.facets, found.facets_found) == (6, 4, 6, 4)


def test_coverage_is_never_rounded_up_to_all() -> None:
    found = count([expected(number) for number in range(200_000)], gap(7))
    assert found.coverage < 100
    assert found.as_json()["coverage"] == 99.999


def test_a_young_gap_is_in_flight() -> None:
    young = expected(2, at="2026-11-21T11:59:30.000000Z")
    found = count([expected(1), young], gap(2))
    assert (found.in_flight, found.due, found.coverage, found.gaps) == (1, 1, 100.0, [])


def test_a_refused_event_is_told_apart_and_still_counts() -> None:
    found = count([expected(1)], gap(1), {"run-1:end"})
    assert (found.dead_letters, found.coverage) == (1, 0.0)


def test_a_dataset_that_was_reported_and_is_not_there_is_a_gap() -> None:
    there, lost = (ExpectedDataset(("db", name), "", "2026-11-21T10:00:00.000000Z", name) for name in ("raw", "lost"))
    wanted = {"dataset:db/raw": there, "dataset:db/lost": lost}
    with MarquezDouble(Backend(datasets={"raw": {}})) as server:
        found = Verifier(MarquezApi(server.url)).dataset_gaps(wanted)
    counted = verification(
        [], wanted, found, found=Verification("since", "until", "backend", "shop"), refused=set(), young_since=NOW
    )
    assert [(gap.kind, gap.detail) for gap in counted.gaps] == [("dataset", "db/lost")]
    assert (counted.datasets, counted.datasets_found, counted.coverage) == (2, 1, 50.0)
    assert incomplete(counted) == {"": {"dataset:db/lost"}}


def test_what_can_not_be_told_counts_as_missing() -> None:
    found = count([expected(1), expected(2), expected(3)], {})
    found.problems = ["odd asset, in Dagster run x: no name"]
    assert found.coverage == 75.0


def test_nothing_to_compare_is_said_and_passes_unless_all_runs_are_of_others() -> None:
    nothing = Verification("since", "until", "backend", "shop")
    assert nothing.nothing == "Dagster recorded no run in this time"
    assert nothing.reaches(100)
    nothing.census = Census(elsewhere=Counter({"store": 3}))
    assert "is of the code location 'shop', but of others: store (3)" in str(nothing.nothing)
    assert not nothing.reaches(0)
    nothing.census.told = 1
    assert nothing.nothing == "no Dagster run in this time has anything to tell, of 1"
    assert nothing.reaches(100)
    nothing.kept_back = 2
    assert "keeps back all 2 events" in str(nothing.nothing)
    nothing.expected = 1
    assert nothing.nothing is None


def test_a_server_that_is_no_marquez_is_told() -> None:
    with (
        MarquezDouble(lambda target: (200, {"hello": "world"})) as server,
        pytest.raises(BackendError, match="has no Marquez API"),
    ):
        MarquezApi(server.url).check()


def test_a_server_that_recovers_is_asked_again() -> None:
    answers = iter([(503, {}), (200, {"namespaces": []})])
    with MarquezDouble(lambda target: next(answers)) as server:
        MarquezApi(server.url).check()


@pytest.mark.parametrize(
    ("other", "same"),
    [("http://a:1/x", True), ("https://a:1", False), ("http://a:2", False), ("http://b:1", False)],
)
def test_credentials_stay_with_their_server(other: str, same: bool) -> None:
    assert same_server("http://a:1", other) is same
