"""How the load generators share out what they send."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from benchmarks.sending import CONNECTIONS, send_runs


def test_every_event_is_sent_once_and_those_of_a_run_in_their_order_over_one_connection() -> None:
    all_there = threading.Barrier(CONNECTIONS)
    sent: list[list[tuple[int, int]]] = []

    def send(events: Iterator[tuple[int, int]]) -> None:
        all_there.wait()
        sent.append(list(events))

    runs = [[(run, number) for number in range(5)] for run in range(100)]
    send_runs(runs, send)

    assert len(sent) == CONNECTIONS
    assert sorted(event for events in sent for event in events) == [event for run in runs for event in run]
    for events in sent:
        order = list(dict.fromkeys(run for run, _ in events))
        assert events == [event for run in order for event in runs[run]]
