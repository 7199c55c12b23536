"""Dagster's GraphQL API over HTTP: launch runs, follow them, and see what Dagster alone knows.

No Dagster import: the command line must start fast, and the same calls work against a remote Dagster. Checked against
the schema of Dagster 1.13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from weather_pipeline.errors import StackError, Transient

LOCATION = "weather_pipeline"
REPOSITORY = "__repository__"

FINISHED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
IN_PROGRESS = ("STARTING", "STARTED", "CANCELING")

ALL_LOADED = "COMPLETED_SUCCESS"
"""Dagster's word for a backfill all of whose runs have succeeded."""
RUNS_FAILED = "COMPLETED_FAILED"
"""Dagster's word for a backfill some of whose runs have failed for good, and now and then for one that is whole.

Its daemon finds the failed hours first and asks afterwards whether all runs have ended, so that a run whose retry
succeeds in between counts as failed for ever (`execute_asset_backfill_iteration`, Dagster 1.13).
"""
BACKFILL_FINISHED = frozenset({"COMPLETED", ALL_LOADED, RUNS_FAILED, "FAILED", "CANCELED"})

# As Dagster's own UI launches a range of partitions in a single run.
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
_PARTITION_TAG = "dagster/partition"
_PARENT_TAG = "dagster/parent_run_id"

_ALL_ASSETS = "__ASSET_JOB"
"""Dagster's own job of all assets, whose runs are of a selection."""

_TIMEOUT = 20.0
_BACKFILL_RUNS = 10_000
_NOT_BEGUN = frozenset({None, "SKIPPED"})


class DagsterApiError(StackError):
    """Dagster's webserver refused or failed a request."""


class DagsterUnavailable(Transient):
    """Dagster's webserver can't be reached, or broke off: it may be starting again."""


@dataclass(frozen=True)
class DagsterRun:
    """A run as Dagster sees it; times are POSIX seconds."""

    run_id: str
    job: str
    status: str
    start: float | None
    end: float | None
    steps_succeeded: int

    @property
    def finished(self) -> bool:
        """Whether the run has ended, well or not."""
        return self.status in FINISHED


@dataclass(frozen=True)
class BackfillRun:
    """One run of a backfill.

    Attributes:
        first: Key of its first partition; empty where the run names none.
        last: Key of its last partition.
        retry_of: The run that this one tries again; None for a first try.
    """

    run_id: str
    status: str
    first: str
    last: str
    retry_of: str | None

    @property
    def finished(self) -> bool:
        """Whether the run has ended, well or not."""
        return self.status in FINISHED


@dataclass(frozen=True)
class Backfill:
    """A backfill and the runs that its daemon has made so far.

    Attributes:
        status: Dagster's word, such as REQUESTED, CANCELING or COMPLETED_SUCCESS.
        error: Why the daemon gave up; None where it did not.
    """

    backfill_id: str
    status: str
    error: str | None
    runs: tuple[BackfillRun, ...]

    @property
    def finished(self) -> bool:
        """Whether the daemon is done with it, well or not."""
        return self.status in BACKFILL_FINISHED


@dataclass(frozen=True)
class RunSteps:
    """The steps of a run that have begun.

    Attributes:
        created: When the run was made, in POSIX seconds.
        states: Step → SUCCESS, FAILURE or IN_PROGRESS; what was skipped is left out.
    """

    created: float
    states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Daemon:
    """One daemon thread; `last_heartbeat` is 0 before the first one."""

    name: str
    required: bool
    healthy: bool
    last_heartbeat: float


@dataclass(frozen=True)
class Tick:
    """An evaluation of a schedule or a sensor; `at` is POSIX seconds, `error` what it failed of."""

    at: float
    error: str | None = None


@dataclass(frozen=True)
class Instigator:
    """A schedule or a sensor, whether it is on, and its last evaluation, if any."""

    name: str
    running: bool
    last_tick: Tick | None = None


_RUN_FIELDS = """
  runId jobName status startTime endTime stats { ... on RunStatsSnapshot { stepsSucceeded } }
"""


class DagsterApi:
    """A client of one Dagster webserver. Every method raises `DagsterUnavailable` where it can't be reached.

    Args:
        url: The webserver's base URL.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, url: str, *, timeout: float = _TIMEOUT) -> None:
        self._url = url.rstrip("/") + "/graphql"
        self._timeout = timeout

    def location_error(self, location: str = LOCATION) -> str | None:
        """Why a code location can't be loaded: the innermost error and its stack. None where it is loaded.

        Raises:
            DagsterApiError: The webserver does not know the location (yet).
        """
        query = """
          query ($name: String!) { workspaceLocationEntryOrError(name: $name) {
            __typename
            ... on WorkspaceLocationEntry { locationOrLoadError { __typename
              ... on PythonError { message errorChain { error { message stack } } } } }
            ... on PythonError { message } } }
        """
        entry = self._query(query, {"name": location})["workspaceLocationEntryOrError"]
        loaded = entry and entry.get("locationOrLoadError")
        if not loaded:
            raise DagsterApiError(f"Dagster at {self._url} has not loaded {location} yet: {entry}")
        if loaded["__typename"] == "RepositoryLocation":
            return None
        causes = [link["error"]["message"] + "".join(link["error"]["stack"]) for link in loaded["errorChain"]]
        return causes[-1] if causes else loaded["message"]

    def daemons(self) -> list[Daemon]:
        """All daemon threads and their last heartbeats."""
        query = """
          query { instance { daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime } } } }
        """
        statuses = self._query(query)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return [
            Daemon(
                name=status["daemonType"],
                required=status["required"],
                healthy=bool(status["healthy"]),
                last_heartbeat=status["lastHeartbeatTime"] or 0.0,
            )
            for status in statuses
        ]

    def launch_range(self, job: str, first: str, last: str, *, tags: Mapping[str, str] | None = None) -> str:
        """Launch one run of an asset job over the partitions from `first` to `last`; returns the run's id.

        Raises:
            DagsterApiError: Dagster refused the launch.
        """
        all_tags = {RANGE_START_TAG: first, RANGE_END_TAG: last, **(tags or {})}
        return self._launch({"pipelineName": job}, all_tags, f"{job} for {first} to {last}")

    def launch_assets(self, assets: Sequence[str], *, tags: Mapping[str, str] | None = None) -> str:
        """Launch one run of assets, of whatever jobs they are; returns the run's id.

        Raises:
            DagsterApiError: Dagster refused the launch.
        """
        selection = [{"path": asset.split("/")} for asset in assets]
        return self._launch({"pipelineName": _ALL_ASSETS, "assetSelection": selection}, tags or {}, ", ".join(assets))

    def _launch(self, what: Mapping[str, Any], tags: Mapping[str, str], name: str) -> str:
        selector = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, **what}
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        mutation = """
          mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
            __typename
            ... on LaunchRunSuccess { run { runId } }
            ... on RunConfigValidationInvalid { errors { message } }
            ... on Error { message } } }
        """
        params = {"params": {"selector": selector, "executionMetadata": metadata, "runConfigData": {}}}
        answer = self._query(mutation, params)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            reasons = [error["message"] for error in answer.get("errors", [])] or [answer.get("message")]
            raise DagsterApiError(f"Dagster did not launch {name}: {reasons}")
        return answer["run"]["runId"]

    def launch_backfill(
        self, assets: Sequence[str], partitions: Sequence[str], *, tags: Mapping[str, str] | None = None
    ) -> str:
        """Ask Dagster's daemon to materialize partitions of assets, in runs as their backfill policy says.

        Returns:
            The backfill's id.

        Raises:
            DagsterApiError: Dagster refused it.
        """
        mutation = """
          mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
            __typename ... on LaunchBackfillSuccess { backfillId } ... on Error { message } } }
        """
        params = {
            "assetSelection": [{"path": asset.split("/")} for asset in assets],
            "partitionNames": list(partitions),
            "tags": [{"key": key, "value": value} for key, value in (tags or {}).items()],
        }
        answer = self._query(mutation, {"params": params})["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            reason = answer.get("message") or answer["__typename"]
            raise DagsterApiError(f"Dagster did not launch the backfill of {len(partitions)} partitions: {reason}")
        return answer["backfillId"]

    def backfill(self, backfill_id: str) -> Backfill:
        """A backfill's state, with its runs.

        Raises:
            DagsterApiError: There is no such backfill.
        """
        query = """
          query ($id: String!, $limit: Int) { partitionBackfillOrError(backfillId: $id) {
            __typename
            ... on PartitionBackfill { id status error { message }
              runs(limit: $limit) { runId status tags { key value } } }
            ... on Error { message } } }
        """
        variables = {"id": backfill_id, "limit": _BACKFILL_RUNS}
        answer = self._query(query, variables)["partitionBackfillOrError"]
        if answer["__typename"] != "PartitionBackfill":
            raise DagsterApiError(f"Dagster knows no backfill {backfill_id}: {answer.get('message')}")
        return Backfill(
            backfill_id=answer["id"],
            status=answer["status"],
            error=answer["error"] and answer["error"]["message"].strip(),
            runs=tuple(_backfill_run(run) for run in answer["runs"]),
        )

    def backfill_ids(self, tag: str, value: str) -> list[str]:
        """The ids of the newest backfills that carry a tag."""
        query = """
          query { partitionBackfillsOrError(limit: 20) {
            __typename ... on PartitionBackfills { results { id tags { key value } } } ... on Error { message } } }
        """
        answer = self._query(query)["partitionBackfillsOrError"]
        if answer["__typename"] != "PartitionBackfills":
            raise DagsterApiError(f"Dagster did not list its backfills: {answer.get('message')}")
        return [found["id"] for found in answer["results"] if {"key": tag, "value": value} in found["tags"]]

    def cancel_backfill(self, backfill_id: str) -> None:
        """Ask the daemon to make no more runs of a backfill, and to end those that it has made.

        Raises:
            DagsterApiError: Dagster refused it.
        """
        mutation = """
          mutation ($id: String!) { cancelPartitionBackfill(backfillId: $id) {
            __typename ... on Error { message } } }
        """
        answer = self._query(mutation, {"id": backfill_id})["cancelPartitionBackfill"]
        if answer["__typename"] != "CancelBackfillSuccess":
            raise DagsterApiError(f"Dagster did not cancel the backfill {backfill_id}: {answer.get('message')}")

    def run_steps(self, run_id: str) -> RunSteps:
        """Which steps of a run have begun, and how they ended.

        Raises:
            DagsterApiError: There is no such run.
        """
        query = """
          query ($id: ID!) { runOrError(runId: $id) {
            __typename ... on Run { creationTime stepStats { stepKey status } } ... on Error { message } } }
        """
        answer = self._query(query, {"id": run_id})["runOrError"]
        if answer["__typename"] != "Run":
            raise DagsterApiError(f"Dagster knows no run {run_id}: {answer.get('message')}")
        states = {step["stepKey"]: step["status"] for step in answer["stepStats"] if step["status"] not in _NOT_BEGUN}
        return RunSteps(created=answer["creationTime"], states=states)

    def run(self, run_id: str) -> DagsterRun:
        """One run's state.

        Raises:
            DagsterApiError: There is no such run.
        """
        query = f"""
          query ($id: ID!) {{ runOrError(runId: $id) {{
            __typename ... on Run {{ {_RUN_FIELDS} }} ... on Error {{ message }} }} }}
        """
        answer = self._query(query, {"id": run_id})["runOrError"]
        if answer["__typename"] != "Run":
            raise DagsterApiError(f"Dagster knows no run {run_id}: {answer.get('message')}")
        return _run(answer)

    def runs(
        self, statuses: Sequence[str] = (), *, updated_before: float | None = None, limit: int = 100
    ) -> list[DagsterRun]:
        """The newest runs, all or those in some states that nothing has touched since a time (POSIX seconds)."""
        query = f"""
          query ($filter: RunsFilter, $limit: Int) {{ runsOrError(filter: $filter, limit: $limit) {{
            __typename ... on Runs {{ results {{ {_RUN_FIELDS} }} }} ... on Error {{ message }} }} }}
        """
        run_filter = {"statuses": list(statuses) or None, "updatedBefore": updated_before}
        answer = self._query(query, {"filter": run_filter, "limit": limit})["runsOrError"]
        if answer["__typename"] != "Runs":
            raise DagsterApiError(f"Dagster did not list its runs: {answer.get('message')}")
        return [_run(result) for result in answer["results"]]

    def failures(self, run_id: str) -> list[str]:
        """What went wrong in a run: one text for each failed step with its innermost error, or the run's own."""
        query = """
          query ($id: ID!) { logsForRun(runId: $id) { __typename ... on EventConnection { events {
            __typename
            ... on ExecutionStepFailureEvent { stepKey error { message errorChain { error { message } } } }
            ... on RunFailureEvent { message } } } } }
        """
        events = self._query(query, {"id": run_id})["logsForRun"].get("events", [])
        steps = [_step_failure(event) for event in events if event["__typename"] == "ExecutionStepFailureEvent"]
        return steps or [event["message"] for event in events if event["__typename"] == "RunFailureEvent"]

    def cancel(self, run_ids: Sequence[str], *, processes_gone: bool = False) -> None:
        """Ask runs to end as cancelled, or write that they have where their processes are known to be gone."""
        mutation = """
          mutation ($ids: [String!]!, $policy: TerminateRunPolicy) {
            terminateRuns(runIds: $ids, terminatePolicy: $policy) { __typename } }
        """
        policy = "MARK_AS_CANCELED_IMMEDIATELY" if processes_gone else "SAFE_TERMINATE"
        if run_ids:
            self._query(mutation, {"ids": list(run_ids), "policy": policy})

    def materialized_ranges(self, assets: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
        """For each of the assets that has time partitions, the materialized spans as (start, end) in POSIX seconds.

        Raises:
            DagsterApiError: Dagster does not have an asset; says why, where its code location can't be loaded.
        """
        query = """
          query ($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) {
            assetKey { path }
            assetPartitionStatuses { ... on TimePartitionStatuses { ranges { startTime endTime status } } } } }
        """
        nodes = self._query(query, {"keys": [{"path": asset.split("/")} for asset in assets]})["assetNodes"]
        statuses = {"/".join(node["assetKey"]["path"]): node["assetPartitionStatuses"] for node in nodes}
        # Dagster answers for the assets that it has, and says nothing of the others.
        if absent := [asset for asset in assets if asset not in statuses]:
            reason = self.location_error() or f"{LOCATION} is loaded and does not define them"
            raise DagsterApiError(f"Dagster at {self._url} has no assets {', '.join(absent)}: {reason}")
        return {
            asset: [
                (span["startTime"], span["endTime"]) for span in status["ranges"] if span["status"] == "MATERIALIZED"
            ]
            for asset, status in statuses.items()
            if "ranges" in status
        }

    def schedules(self) -> list[Instigator]:
        """All schedules of the location."""
        return self._instigators("schedulesOrError", "Schedules", "scheduleState")

    def sensors(self) -> list[Instigator]:
        """All sensors of the location."""
        return self._instigators("sensorsOrError", "Sensors", "sensorState")

    def _instigators(self, field: str, kind: str, state: str) -> list[Instigator]:
        query = f"""
          query ($selector: RepositorySelector!) {{ {field}(repositorySelector: $selector) {{
            __typename ... on {kind} {{ results {{ name
              {state} {{ status ticks(limit: 1) {{ timestamp error {{ message }} }} }} }} }}
            ... on Error {{ message }} }} }}
        """
        selector = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY}
        answer = self._query(query, {"selector": selector})[field]
        if answer["__typename"] != kind:
            raise DagsterApiError(f"Dagster did not list its {kind.lower()}: {answer.get('message')}")
        return [_instigator(result["name"], result[state]) for result in answer["results"]]

    def _query(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with requests.Session() as session:
            session.trust_env = False  # loopback: a proxy of the environment must not be asked
            try:
                response = session.post(
                    self._url, json={"query": query, "variables": variables or {}}, timeout=self._timeout
                )
            except requests.RequestException as error:
                raise DagsterUnavailable(f"Dagster at {self._url} can't be reached: {error}") from error
        try:
            body: dict[str, Any] = response.json()
        except ValueError:
            body = {"errors": response.text[:500]}
        if not response.ok or body.get("errors"):
            raise DagsterApiError(f"Dagster at {self._url} answered {response.status_code}: {body.get('errors')}")
        return body["data"]


def _run(body: Mapping[str, Any]) -> DagsterRun:
    return DagsterRun(
        run_id=body["runId"],
        job=body["jobName"],
        status=body["status"],
        start=body["startTime"],
        end=body["endTime"],
        steps_succeeded=(body["stats"] or {}).get("stepsSucceeded") or 0,
    )


def _instigator(name: str, state: Mapping[str, Any]) -> Instigator:
    ticks = [Tick(tick["timestamp"], (tick["error"] or {}).get("message")) for tick in state["ticks"] or ()]
    return Instigator(name, state["status"] == "RUNNING", ticks[0] if ticks else None)


def _backfill_run(body: Mapping[str, Any]) -> BackfillRun:
    tags = {tag["key"]: tag["value"] for tag in body["tags"]}
    only = tags.get(_PARTITION_TAG, "")
    return BackfillRun(
        run_id=body["runId"],
        status=body["status"],
        first=tags.get(RANGE_START_TAG, only),
        last=tags.get(RANGE_END_TAG, only),
        retry_of=tags.get(_PARENT_TAG),
    )


def _step_failure(event: Mapping[str, Any]) -> str:
    error = event["error"] or {"message": "no error was recorded", "errorChain": []}
    causes = [link["error"]["message"] for link in error.get("errorChain") or []]
    return f"{event['stepKey']}: {(causes[-1] if causes else error['message']).strip()}"
