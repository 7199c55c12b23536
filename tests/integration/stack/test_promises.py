"""What is promised of lineage in an outage, on the whole real stack: Dagster, its daemon, PostgreSQL, the service."""

import psutil
import pytest

from tests.integration.stack.conftest import JOBS, NAMESPACE, Live, wait_for
from tests.integration.stack.test_stack import kill_part, restarted

pytestmark = pytest.mark.integration


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
