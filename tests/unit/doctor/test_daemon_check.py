"""What Dagster says of itself, judged."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.doctor import command, troubles
from weather_pipeline.doctor.daemon_check import HOURLY, SENSOR, DagsterFacts, judge
from weather_pipeline.doctor.finding import Finding, Status
from weather_pipeline.stack.dagster_api import Daemon, Instigator, Tick
from weather_pipeline.stack.status import PartStatus

NOW = 1_800_000_000.0
ALIVE = Daemon("SENSOR", required=True, healthy=True, last_heartbeat=NOW - 5)
SILENT = replace(ALIVE, last_heartbeat=NOW - 500)
SENSOR_ON = Instigator(SENSOR, running=True, last_tick=Tick(NOW - 4))
SCHEDULE = Instigator(HOURLY, running=True)
GOOD = DagsterFacts("http://localhost:3000", None, [ALIVE], [SENSOR_ON], [SCHEDULE])
SUSPENDED = PartStatus("daemon", 7, None, "not answering", 100.0, "daemon.log")


def judged(facts: DagsterFacts) -> list[Finding]:
    return judge(facts, NOW, command, log="daemon.log")


def test_all_well() -> None:
    assert [finding.found for finding in judged(GOOD)] == [
        "alive (1 threads, the last heartbeat 5 s ago)",
        "lineage sensor on",
        "weather_hourly_schedule on",
    ]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(GOOD, daemons=[]), {"daemon": Status.PROBLEM}),
        (replace(GOOD, daemons=[ALIVE, SILENT]), {"daemon": Status.PROBLEM}),
        (replace(GOOD, daemons=[ALIVE, replace(SILENT, required=False)]), {}),
        (replace(GOOD, processes=[SUSPENDED]), {"daemon": Status.PROBLEM}),
        (replace(GOOD, processes=[replace(SUSPENDED, state="starting")]), {}),
        (replace(GOOD, location_error="ImportError: x\n  line 2", sensors=()), {"location": Status.PROBLEM}),
        (replace(GOOD, sensors=[]), {"sensor": Status.WARNING}),
        (replace(GOOD, sensors=[replace(SENSOR_ON, running=False)]), {"sensor": Status.PROBLEM}),
        (replace(GOOD, sensors=[replace(SENSOR_ON, last_tick=Tick(NOW, "no"))]), {"sensor": Status.PROBLEM}),
        (replace(GOOD, sensors=[replace(SENSOR_ON, last_tick=Tick(NOW - 999))]), {"sensor": Status.WARNING}),
        (replace(GOOD, sensors=[replace(SENSOR_ON, last_tick=None)]), {}),
        (replace(GOOD, schedules=[replace(SCHEDULE, running=False)]), {"schedule": Status.WARNING}),
        (replace(GOOD, schedules=[replace(SCHEDULE, last_tick=Tick(NOW, "no"))]), {"schedule": Status.PROBLEM}),
        (replace(GOOD, stuck=["abcdefghij"]), {"runs": Status.WARNING}),
        (replace(GOOD, queued=["a", "b", "c", "d"]), {"queue": Status.WARNING}),
    ],
)
def test_each_trouble(facts: DagsterFacts, expected: dict[str, Status]) -> None:
    assert troubles(judged(facts)) == expected


def test_a_schedule_that_is_off_since_the_source_is_days_late_is_as_it_should_be() -> None:
    facts = replace(GOOD, schedules=[replace(SCHEDULE, running=False)], source_delay=timedelta(days=6))
    assert troubles(judged(facts)) == {}
    assert f"{HOURLY} off: the source has an hour only 6 days later" in [finding.found for finding in judged(facts)]


def test_other_schedules_are_a_choice() -> None:
    facts = replace(GOOD, schedules=[SCHEDULE, Instigator("daily", running=False)], source_delay=timedelta(days=6))
    assert troubles(judged(facts)) == {}
    assert "daily off, as it is by itself" in [finding.found for finding in judged(facts)]


def test_a_sensor_can_t_look_where_no_daemon_does() -> None:
    facts = replace(GOOD, daemons=[SILENT], sensors=[replace(SENSOR_ON, last_tick=Tick(NOW - 999))])
    assert troubles(judged(facts)) == {"daemon": Status.PROBLEM}
