"""Ctrl-C in a Spark driver."""

from __future__ import annotations

import signal
import threading

import pytest

from weather_pipeline.spark.interrupt import interrupt_afterwards


def make(made: list[int], *, interrupts: int) -> None:
    with interrupt_afterwards():
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
        with interrupt_afterwards():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
    work()
    assert seen[1] is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
