"""Whatever a backend answers, the events of one OpenLineage run arrive in order, and none is lost or counted twice."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.uuid import generate_static_uuid

from weather_pipeline.lineage import gate
from weather_pipeline.lineage.answers import Answer, Verdict
from weather_pipeline.lineage.delivery import deliver
from weather_pipeline.lineage.messages import Message

AT = datetime(2026, 1, 1, tzinfo=UTC)
PARTS = ("start", "running", "end")
VERDICTS = st.sampled_from([*Verdict, *[Verdict.ACCEPTED] * 5])


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_PAUSE", 0.0005)


def message(run: int, asset: int, part: str) -> Message:
    subject = str(generate_static_uuid(AT, f"{run}/{asset}".encode()))
    event = RunEvent(eventTime=AT.isoformat(), run=Run(subject), job=Job("n", str(asset)), eventType=RunState.START)
    return Message(subject, part, event)


class Backend:
    """Answers from a list, then accepts; remembers what it accepted."""

    name = "the test's backend"

    def __init__(self, answers: Sequence[Verdict]) -> None:
        self._answers = list(answers)
        self._lock = threading.Lock()
        self.taken: list[Message] = []
        self.asked = 0

    def send(self, message: Message) -> Answer:
        with self._lock:
            self.asked += 1
            verdict = self._answers.pop() if self._answers else Verdict.ACCEPTED
            if verdict is Verdict.ACCEPTED:
                self.taken.append(message)
        if verdict is Verdict.DOUBTFUL and self.asked % 2:
            raise ConnectionError("broke")
        return Answer(verdict, verdict.value)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 12), st.integers(1, 3), st.lists(VERDICTS, max_size=60))
def test_order_is_kept_and_everything_is_delivered_in_the_end(
    runs: int, assets: int, answers: Sequence[Verdict]
) -> None:
    pending: Mapping[str, list[Message]] = {
        str(run): [message(run, asset, part) for part, asset in product(PARTS, range(assets))] for run in range(runs)
    }
    total = runs * assets * len(PARTS)
    backend = Backend(answers)
    settled: Counter[str] = Counter()
    while sum(map(len, pending.values())):
        outcome = deliver(backend, pending, deadline=time.monotonic() + 60)
        done = [each.key for messages in outcome.accepted.values() for each in messages]
        done += [each.key for _, each, answer in outcome.failed if answer.verdict is Verdict.REFUSED]
        settled.update(done)
        pending = {run: [each for each in messages if each.key not in done] for run, messages in pending.items()}
    assert len(settled) == total
    assert set(settled.values()) == {1}, "settled once"
    assert len({each.key for each in backend.taken}) == len(backend.taken), "taken once"
    order: dict[str, list[int]] = defaultdict(list)
    for each in backend.taken:
        order[each.subject].append(PARTS.index(each.part))
    assert all(parts == sorted(parts) for parts in order.values())


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.sampled_from([Verdict.LATER, Verdict.DOUBTFUL, Verdict.REFUSED]))
def test_a_backend_that_takes_nothing_is_not_stormed(runs: int, verdict: Verdict) -> None:
    backend = Backend([verdict] * 10_000)
    pending = {str(run): [message(run, 0, part) for part in PARTS] for run in range(runs)}
    outcome = deliver(backend, pending, deadline=time.monotonic() + 60)
    assert outcome.accepted == {}
    assert backend.asked <= 2 * gate.WORKERS + gate.ATTEMPTS
