"""What is promised of lineage in an outage, on the whole real stack: Dagster, its daemon, PostgreSQL, the service."""

import signal
import subprocess
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from tests.integration.stack.conftest import ROOT, WEATHER, Site, wait_for
from tests.integration.stack.test_stack import kill_part, restarted
from weather_pipeline.marquez.client import MarquezClient
from weather_pipeline.stack.supervisor import open_postgres

pytestmark = pytest.mark.integration

NAMESPACE = "weather-pipeline"
JOBS = [
    f"{asset}_dagster"
    for asset in (
        "raw_weather_data",
        "weather_quality_check",
        "clean_weather_data",
        "weather_to_postgres",
        "weather_near_towers",
    )
]


class Live:
    """A stack that is up, and what a test asks of it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.marquez = MarquezClient(f"http://127.0.0.1:{5000 + site.offset}")

    def launch(self, hour: str) -> str:
        return self.site.api.launch_range("weather_hourly", hour, hour)

    def finish(self, run_id: str) -> str:
        wait_for(lambda: self.site.api.run(run_id).finished)
        return self.site.api.run(run_id).status

    def states(self, hour: str) -> dict[str, str]:
        """Job → state of its run for an hour, as the lineage API has it."""
        found = {}
        for job in JOBS:
            for run in self.marquez.runs(NAMESPACE, job) if self._knows(job) else []:
                if run.facets.get("dagster_run", {}).get("partitions") == [hour]:
                    found[job] = run.state
        return found

    def _knows(self, job: str) -> bool:
        return job in {known.name for known in self.marquez.jobs(NAMESPACE)}

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        server = open_postgres(self.site.home)
        server.port = int((self.site.home / "postgres.port").read_text())
        with psycopg.connect(server.url("weather")) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def live(site: Site) -> Iterator[Live]:
    command = [*WEATHER, "up", "--home", str(site.home), "--port-offset", str(site.offset)]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    site.started.append(child)
    wait_for(lambda: child.poll() is not None or site.state.phase == "up")
    assert child.poll() is None, child.communicate()
    yield Live(site)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=100)


def test_outages_and_failures_reach_the_lineage_api(live: Live) -> None:
    complete = dict.fromkeys(JOBS, "COMPLETED")

    # The lineage service does not answer during a whole run: the run ends well, and all arrives afterwards.
    service = psutil.Process(next(p for p in live.site.state.parts if p.name == "lineage").identity.pid)
    service.suspend()
    run_id = live.launch("2026-11-20-01:00")
    assert live.finish(run_id) == "SUCCESS"
    service.resume()
    wait_for(lambda: live.states("2026-11-20-01:00") == complete)

    # The daemon is killed during a run: nothing is missing after its next start.
    run_id = live.launch("2026-11-20-02:00")
    wait_for(lambda: live.site.api.run(run_id).steps_succeeded >= 1)
    killed = kill_part(live.site, "daemon")
    assert live.finish(run_id) == "SUCCESS"
    wait_for(lambda: restarted(live.site, "daemon", killed))
    wait_for(lambda: live.states("2026-11-20-02:00") == complete)

    # A load that violates the foreign key: FAIL with the database's own words, nothing half-loaded.
    # (The role skips the checks of this one session: the place's earlier observations stay.)
    live.sql("SET session_replication_role = replica; DELETE FROM weather.locations WHERE location_id = 'utrecht'")
    assert live.finish(live.launch("2026-11-20-03:00")) == "FAILURE"
    wait_for(lambda: live.states("2026-11-20-03:00").get("weather_to_postgres_dagster") == "FAILED")
    failed = next(r for r in live.marquez.runs(NAMESPACE, "weather_to_postgres_dagster") if r.state == "FAILED")
    message = live.marquez.run_facets(failed.id, "run")["errorMessage"]["message"]
    assert "violates foreign key constraint" in message
    assert "utrecht" in message
    loaded = "SELECT count(*) FROM weather.observations WHERE observed_at = '2026-11-20T03:00Z'"
    assert live.sql(loaded) == [(0,)]
    live.sql("INSERT INTO weather.locations VALUES ('utrecht', 'Utrecht', 52.0908, 5.1222)")
    assert live.finish(live.launch("2026-11-20-04:00")) == "SUCCESS"
    wait_for(lambda: live.states("2026-11-20-04:00") == complete)
