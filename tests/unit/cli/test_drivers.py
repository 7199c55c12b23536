"""Signals to a command that waits for a driver."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weather_pipeline.cli.drivers import exit_code

_DRIVER = """
import os, pathlib, signal, sys, time

def asked(number, _):
    pathlib.Path("asked").write_text(signal.Signals(number).name)
    time.sleep(0.5)  # longer than Python's own patience after Ctrl-C
    sys.exit(3)

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, asked)
print("ready", flush=True)
time.sleep(60)
"""
_COMMAND = """
import os, sys
from weather_pipeline.cli.drivers import run_driver

sys.exit(run_driver("slow_driver", environment=os.environ))
"""


@pytest.mark.parametrize(("number", "to_group"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_the_driver_ends_in_its_own_time(tmp_path: Path, number: signal.Signals, to_group: bool) -> None:
    (tmp_path / "slow_driver.py").write_text(_DRIVER)
    command = subprocess.Popen(
        [sys.executable, "-c", _COMMAND],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with command:
        assert command.stdout is not None
        assert command.stdout.readline() == "ready\n"
        (os.killpg if to_group else os.kill)(command.pid, number)
        assert command.wait() == 3
    assert (tmp_path / "asked").read_text() == number.name


@pytest.mark.parametrize(
    ("driver", "command"), [(0, 0), (130, 130), (-signal.SIGINT, 130), (-signal.SIGTERM, 1), (3, 1)]
)
def test_the_command_ends_as_its_driver(driver: int, command: int) -> None:
    assert exit_code(driver) == command
