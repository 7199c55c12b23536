"""Drivers that assets start: how they end, and that none is left."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from weather_pipeline.defs.drivers import ended, run_driver

_REPORTS = """
from dagster_pipes import open_dagster_pipes

with open_dagster_pipes() as pipes:
    pipes.report_custom_message(7)
    pipes.report_asset_materialization(metadata={"rows": 3})
"""
_REASON = """
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.spark.program import program

with program():
    raise ConfigurationError("Kafka is away.")
"""
_CANCELLED = """
import os, pathlib, signal, sys, time

{handling}
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
os.kill(os.getppid(), signal.SIGUSR1)
time.sleep(60)
"""


@pytest.fixture
def cancelling() -> Iterator[None]:
    """SIGUSR1 does what Dagster does to a step that is cancelled."""

    def interrupt(*_: object) -> None:
        raise dg.DagsterExecutionInterruptedError

    before = signal.signal(signal.SIGUSR1, interrupt)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The spool of drivers whose modules lie in `tmp_path`."""
    monkeypatch.setenv("WEATHER_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "spark-events"


def _ends(spool: Path) -> list[tuple[str, str | None]]:
    said = [json.loads(file.read_text()) for file in spool.iterdir()]
    return [(each["state"], each["message"]) for each in said]


@dg.asset
def driven(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    result, messages = run_driver(context, "a_driver")
    assert list(messages) == [7]
    return result


def test_what_a_driver_reports_is_the_asset_s(spool: Path) -> None:
    (spool.parent / "a_driver.py").write_text(_REPORTS)
    (materialized,) = dg.materialize([driven]).asset_materializations_for_node("driven")
    assert materialized.metadata["rows"].value == 3
    assert _ends(spool) == [("COMPLETE", None)]


def test_a_driver_that_fails_fails_its_step(spool: Path) -> None:
    (spool.parent / "a_driver.py").write_text("raise SystemExit(4)")
    with pytest.raises(dg.Failure, match="a_driver ended with code 4"):
        dg.materialize([driven])
    ((state, message),) = _ends(spool)
    assert state == "FAIL"
    assert message is not None
    assert "a_driver ended with code 4" in message


def test_a_driver_s_reason_is_its_step_s(spool: Path) -> None:
    (spool.parent / "a_driver.py").write_text(_REASON)
    with pytest.raises(dg.Failure, match=r"a_driver ended with code 1: Kafka is away\.$"):
        dg.materialize([driven])
    ((_, message),) = _ends(spool)
    assert message is not None
    assert message.endswith("a_driver ended with code 1: Kafka is away.")


@pytest.mark.usefixtures("cancelling")
@pytest.mark.parametrize("patience", [60.0, 0.1])
def test_a_cancelled_driver_is_left_by_nobody(tmp_path: Path, patience: float) -> None:
    deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN)" if patience < 1 else ""
    pid = tmp_path / "pid"
    with pytest.raises(dg.DagsterExecutionInterruptedError):
        ended(
            [sys.executable, "-c", _CANCELLED.format(handling=deaf), str(pid)],
            environment=os.environ,
            patience=patience,
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
