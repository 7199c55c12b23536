"""`weather backfill` on the whole real stack: Dagster's daemon, parallel run processes, PostgreSQL, lineage."""

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.stack.conftest import JOBS, NAMESPACE, ROOT, WEATHER, Live, Site, wait_for
from tests.integration.stack.test_stack import kill_part, restarted

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick_daemon")]

BEFORE_LOADING = 3
"""Steps of a run before the one that loads observations."""

ROWS = "SELECT *, xmin::text FROM weather.observations ORDER BY location_id, observed_at"


def start_backfill(site: Site, *arguments: str) -> subprocess.Popen[str]:
    command = [*WEATHER, "backfill", *arguments, "--home", str(site.home)]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    site.started.append(child)
    return child


def ended(child: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON summary and stderr of a backfill."""
    out, err = child.communicate(timeout=250)
    assert out, err
    return child.returncode, json.loads(out.splitlines()[-1]), err


def backfill(live: Live, *arguments: str) -> tuple[int, dict[str, Any], str]:
    return ended(start_backfill(live.site, *arguments, "--json"))


@contextmanager
def loading_held(live: Live) -> Iterator[None]:
    """No run can load observations: one that is to be killed does not end before."""
    with live.connected() as connection:
        connection.execute("LOCK TABLE weather.observations IN SHARE MODE")
        yield


def worker_of(live: Live, run_id: str) -> int:
    """The process of a run, as Dagster's own log names it."""
    query = """
      query ($id: ID!) { logsForRun(runId: $id) {
        ... on EventConnection { events { ... on EngineEvent { message } } } } }
    """
    events = live.site.api._query(query, {"id": run_id})["logsForRun"]["events"]
    said = [match for event in events if (match := re.search(r"Started process for run \(pid: (\d+)\)", str(event)))]
    return int(said[0][1])


@pytest.mark.timeout(600)
def test_days_are_loaded_in_parallel_with_every_lineage_run_and_loaded_again_without_a_change(live: Live) -> None:
    child = start_backfill(live.site, "2026-10-01", "2026-10-03", "--json")
    wait_for(lambda: child.poll() is not None or len(live.site.api.runs()) > 0)
    killed = kill_part(live.site, "webserver")
    wait_for(lambda: restarted(live.site, "webserver", killed))
    code, summary, err = ended(child)
    assert code == 0, err
    assert (summary["status"], summary["runs"], summary["failures"]) == ("COMPLETED_SUCCESS", {"SUCCESS": 3}, [])
    assert (summary["first"], summary["last"]) == ("2026-10-01T00:00:00+00:00", "2026-10-03T23:00:00+00:00")
    assert (summary["hours"], summary["hours_run"], summary["source"]) == (72, 72, "replay")
    assert summary["lineage"] == {"expected": 15, "states": {"COMPLETED": 15}, "missing": [], "error": None}
    assert f"Backfill {summary['backfill']}: 72 of 72 hours" in err

    run_ids = {run.run_id for run in live.site.api.backfill(summary["backfill"]).runs}
    for job in JOBS:
        runs = live.marquez.runs(NAMESPACE, job)
        of = [run.facets["dagster_run"]["runId"] for run in runs]
        assert sorted(of) == sorted(run_ids), "one lineage run for each run of the backfill, and none twice"
        assert sorted(len(run.facets["dagster_run"]["partitions"]) for run in runs) == [24, 24, 24]
    loaded = live.sql(ROWS)
    assert len(loaded) == summary["rows"] > 72 * 14

    code, summary, err = backfill(live, "2026-10-01", "2026-10-03")
    assert (code, summary["backfill"], summary["hours_run"], summary["rows"]) == (0, None, 0, len(loaded))
    assert "All 72 hours are there: nothing was run. --all runs them again." in err
    code, summary, _ = backfill(live, "2026-10-02T06", "2026-10-02T17", "--all")
    assert (code, summary["hours_run"], summary["runs"]) == (0, 12, {"SUCCESS": 1})
    assert live.sql(ROWS) == loaded


@pytest.mark.timeout(600)
def test_failures_deaths_and_ctrl_c(live: Live) -> None:
    # A load that the database refuses: the run, its error and its address.
    live.sql("DELETE FROM weather.locations WHERE location_id = 'utrecht'")
    code, summary, err = backfill(live, "2026-10-04T00", "2026-10-04T02")
    live.sql("INSERT INTO weather.locations VALUES ('utrecht', 'Utrecht', 52.0908, 5.1222)")
    assert (code, summary["status"], summary["runs"]) == (1, "COMPLETED_FAILED", {"FAILURE": 1})
    (failed,) = summary["failures"]
    assert (failed["first"], failed["last"]) == ("2026-10-04-00:00", "2026-10-04-02:00")
    assert "weather_to_postgres:" in failed["errors"][0]
    assert "utrecht" in failed["errors"][0]
    assert failed["url"].endswith(f"/runs/{failed['run']}")
    assert failed["url"] in err
    assert summary["lineage"]["states"] == {"COMPLETED": 3, "FAILED": 1}

    # The process of a run is killed: Dagster tries the run again, from the step it was in.
    before = {run.run_id for run in live.site.api.runs()}
    with loading_held(live):
        child = start_backfill(live.site, "2026-10-04T00", "2026-10-04T23", "--json")
        wait_for(lambda: child.poll() is not None or len(live.site.api.runs()) > len(before))
        (victim,) = {run.run_id for run in live.site.api.runs()} - before
        wait_for(lambda: live.site.api.run(victim).steps_succeeded == BEFORE_LOADING)
        os.kill(worker_of(live, victim), signal.SIGKILL)
    code, summary, err = ended(child)
    assert (code, summary["status"], summary["runs"]) == (0, "COMPLETED_SUCCESS", {"SUCCESS": 1, "FAILURE": 1}), err
    runs = live.site.api.backfill(summary["backfill"]).runs
    assert {run.retry_of for run in runs} == {None, victim}
    assert summary["lineage"]["missing"] == []
    assert Counter(summary["lineage"]["states"])["COMPLETED"] == 5

    # Ctrl-C cancels, and nothing of it goes on.
    child = start_backfill(live.site, "2026-10-05", "2026-10-10")
    wait_for(lambda: child.poll() is not None or any(r.status == "STARTED" for r in live.site.api.runs()))
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=200)
    assert child.returncode == 130, err
    (backfill_id,) = set(re.findall(r"Backfill (\w+) is cancelled: \d+ of 144 hours are loaded", err))
    cancelled = live.site.api.backfill(backfill_id)
    assert cancelled.status == "CANCELED"
    assert all(run.finished for run in cancelled.runs)
    # At most four were in progress, of which one may have been at its end; none of the others begins.
    assert Counter(run.status for run in cancelled.runs)["CANCELED"] >= len(cancelled.runs) - 4
    assert "CANCELED" in {run.status for run in cancelled.runs}

    # In the background.
    child = start_backfill(live.site, "2026-10-11T00", "--detach", "--json")
    code, summary, err = ended(child)
    assert (code, summary["hours"]) == (0, 1), err
    wait_for(lambda: live.site.api.backfill(summary["backfill"]).finished)
    assert live.site.api.backfill(summary["backfill"]).status == "COMPLETED_SUCCESS"
