"""What became of a session, as far as anyone can say."""

from __future__ import annotations

import pytest

from weather_pipeline.lineage.spool.record import Ended, Party, Record, UnreadableRecord, outcome

AT = "2026-11-22T11:00:00Z"
WELL, BROKEN, STOPPED = Ended("COMPLETE", AT), Ended("FAIL", AT, "broken"), Ended("ABORT", AT, "stopped")
RUNS, DIED = Party(is_alive=True, said=None), Party(is_alive=False, said=None)


def ended(said: Ended) -> Party:
    return Party(is_alive=False, said=said)


@pytest.mark.parametrize(
    ("driver", "launcher", "state", "message"),
    [
        (ended(WELL), None, "COMPLETE", None),
        (ended(BROKEN), None, "FAIL", "broken"),
        (DIED, None, "FAIL", "killed"),
        (ended(WELL), ended(WELL), "COMPLETE", None),
        (ended(WELL), ended(BROKEN), "FAIL", "broken"),
        (ended(WELL), ended(STOPPED), "ABORT", "stopped"),
        (ended(BROKEN), ended(WELL), "FAIL", "broken"),
        (ended(WELL), DIED, "FAIL", "killed"),
        (DIED, ended(WELL), "FAIL", "killed"),
        (DIED, ended(STOPPED), "ABORT", "stopped"),
        (DIED, DIED, "FAIL", "killed"),
    ],
)
def test_an_application_ends_as_the_worst_that_anyone_says(
    driver: Party, launcher: Party | None, state: str, message: str | None
) -> None:
    found = outcome(driver, launcher, at=AT)
    assert found is not None
    assert found.state == state
    assert (message or "") in (found.message or "")


@pytest.mark.parametrize(
    ("driver", "launcher"), [(RUNS, None), (RUNS, ended(BROKEN)), (ended(WELL), RUNS), (DIED, RUNS)]
)
def test_while_one_of_them_runs_nobody_knows(driver: Party, launcher: Party | None) -> None:
    assert outcome(driver, launcher, at=AT) is None


@pytest.mark.parametrize("kept", [{}, {"format": 2}, {"format": 1, "application": "x"}, [], "text"])
def test_a_damaged_record_is_said(kept: object) -> None:
    with pytest.raises(UnreadableRecord):
        Record.from_json(kept)  # type: ignore[arg-type]


@pytest.mark.parametrize("kept", [{}, {"state": "FINE", "at": AT}, {"state": "FAIL"}])
def test_a_damaged_end_is_said(kept: dict[str, str]) -> None:
    with pytest.raises(UnreadableRecord):
        Ended.from_json(kept)
