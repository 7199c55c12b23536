"""Which signals end a command."""

import os
import signal
import subprocess
import sys

import pytest

from weather_pipeline.cli.common import stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_the_others_wait(number: signal.Signals) -> None:
    found = signal.signal(number, signal.default_int_handler)  # whatever the tests were started by
    try:
        with stop_signals():
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, found)


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it
    try:
        with stop_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            # The parts that are started must not inherit it.
            script = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)"
            assert subprocess.check_output([sys.executable, "-c", script]) == b"True\n"
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
