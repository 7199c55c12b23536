"""Ctrl-C in a Spark driver."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from weather_pipeline.spark.interrupt import interrupt_afterwards


@pytest.fixture(autouse=True)
def _python_s_own() -> Iterator[None]:
    """Python's handler: whoever starts the tests may have SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def make(made: list[int], *, interrupts: int) -> None:
    with interrupt_afterwards("it is made"):
        for _ in range(interrupts):
            signal.raise_signal(signal.SIGINT)
        made.append(1)


def test_ctrl_c_waits_until_what_is_half_made_is_made() -> None:
    made: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        make(made, interrupts=1)
    assert made == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_does_not_wait() -> None:
    made: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        make(made, interrupts=2)
    assert made == []


def test_without_ctrl_c_and_in_other_threads_nothing_changes() -> None:
    seen: list[object] = []

    def work() -> None:
        with interrupt_afterwards("it is made"):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
    work()
    assert seen[1] is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_after_ctrl_c_is_its_own() -> None:
    def fail() -> None:
        with interrupt_afterwards("it is made"):
            signal.raise_signal(signal.SIGINT)
            raise ValueError("it can't be made")

    with pytest.raises(KeyboardInterrupt):
        fail()
