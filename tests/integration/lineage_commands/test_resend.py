"""Sending the past again: order, outages, refusals, interruptions."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from openlineage.client.event_v2 import RunState

from weather_pipeline.lineage.deadletters import bury, dead_letters
from weather_pipeline.lineage.delivery import Answer, Verdict
from weather_pipeline.lineage.messages import JobDescription, Message, RunDescription, run_message
from weather_pipeline.lineage.resend import BackendAway, Parcel, Resending, resend_letters

pytestmark = pytest.mark.integration

START = datetime(2026, 11, 1, tzinfo=UTC)
ACCEPTED = Answer(Verdict.ACCEPTED)
REFUSED = Answer(Verdict.REFUSED, "HTTP 422: no")
AWAY = Answer(Verdict.LATER, "connection refused")


class Sink:
    """Keeps what it accepts, and answers as it is told."""

    name = "http://backend.example"

    def __init__(self, behave: Callable[[Message], Answer] = lambda message: ACCEPTED) -> None:
        self.behave = behave
        self.accepted: list[Message] = []
        self._lock = threading.Lock()

    def send(self, message: Message) -> Answer:
        with self._lock:
            answer = self.behave(message)
            if answer.verdict is Verdict.ACCEPTED:
                self.accepted.append(message)
            return answer


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def parcel(number: int) -> Parcel:
    run_id = f"00000000-0000-7000-8000-{number:012d}"
    at = START + timedelta(minutes=number)
    states = [("start", RunState.START), ("end", RunState.COMPLETE)]
    messages = [
        run_message(part, state, at, run=RunDescription(run_id, {}), job=JobDescription("shop", f"job_{number}", {}))
        for part, state in states
    ]
    return Parcel(f"run-{number}", at, messages)


def parcels(count: int) -> Iterator[Parcel]:
    return map(parcel, range(count))


def test_everything_goes_once_and_each_run_in_order(instance: dg.DagsterInstance) -> None:
    sink = Sink()
    done = Resending(instance, sink, "test").send(parcels(100))
    assert (done.runs, done.accepted, done.refused) == (100, 200, 0)
    keys = [message.key for message in sink.accepted]
    assert len(set(keys)) == len(keys) == 200
    assert all(keys.index(f"{key[:36]}:start") < keys.index(key) for key in keys if key.endswith(":end"))
    assert done.reached == START + timedelta(minutes=99)


def test_no_more_than_the_next_batch_is_read_ahead(instance: dg.DagsterInstance) -> None:
    read = 0

    def counted() -> Iterator[Parcel]:
        nonlocal read
        for each in parcels(400):
            read += 1
            yield each

    ahead: list[int] = []
    resending = Resending(instance, Sink(), "test", tell=lambda done: ahead.append(read - done.runs))
    resending.send(counted())
    assert max(ahead) <= 3 * 32


def test_a_refused_event_is_a_dead_letter_and_holds_up_nobody(instance: dg.DagsterInstance) -> None:
    sink = Sink(lambda message: REFUSED if "job_7" in str(message.body()["job"]) else ACCEPTED)
    done = Resending(instance, sink, "test").send(parcels(10))
    assert (done.runs, done.accepted, done.refused) == (10, 18, 2)
    assert {letter.writer for letter in dead_letters(instance)} == {"test"}
    assert done.last_refusal == "HTTP 422: no"


def test_a_backend_that_refuses_everything_is_to_blame_itself(instance: dg.DagsterInstance) -> None:
    resending = Resending(instance, Sink(lambda message: REFUSED), "test")
    with pytest.raises(BackendAway, match="refuses everything: HTTP 422"):
        resending.send(parcels(3))
    assert dead_letters(instance) == []
    assert resending.done.reached == START


def test_an_outage_is_waited_out(instance: dg.DagsterInstance) -> None:
    asked = 0

    def recovering(message: Message) -> Answer:
        nonlocal asked
        asked += 1
        return AWAY if 10 < asked < 25 else ACCEPTED

    done = Resending(instance, Sink(recovering), "test").send(parcels(40))
    assert (done.runs, done.accepted) == (40, 80)


def test_a_backend_that_stays_away_ends_it_and_says_where(instance: dg.DagsterInstance) -> None:
    sink = Sink(lambda message: AWAY if message.at >= parcel(32).messages[0].at else ACCEPTED)
    resending = Resending(instance, sink, "test", patience=0.0)
    with pytest.raises(BackendAway, match="takes no events: connection refused"):
        resending.send(parcels(64))
    assert resending.done.runs == 32
    assert resending.done.reached == START + timedelta(minutes=32)


def test_an_interruption_says_how_far_it_came(instance: dg.DagsterInstance) -> None:
    def interrupted() -> Iterator[Parcel]:
        yield from parcels(80)
        raise KeyboardInterrupt

    resending = Resending(instance, Sink(), "test")
    with pytest.raises(KeyboardInterrupt):
        resending.send(interrupted())
    done = resending.done
    assert done.reached is not None
    assert done.runs in (32, 64)
    # What comes after the last complete batch goes again: everything before `reached` has been accepted.
    assert done.reached <= START + timedelta(minutes=64)


def test_letters_go_in_the_order_of_their_events_and_only_the_accepted_are_dropped(
    instance: dg.DagsterInstance,
) -> None:
    for number in (2, 1):
        for message in reversed(parcel(number).messages):
            bury(instance, message.key, "HTTP 422: no", message.body(), writer="sensor")
    bury(instance, "x:withheld:odd", "no name", {"dagsterRunId": "x", "asset": "odd"}, writer="sensor")
    sink = Sink(lambda message: REFUSED if "job_2" in str(message.body()["job"]) else ACCEPTED)
    answers = {letter.key: why for letter, why in resend_letters(instance, sink, dead_letters(instance))}
    assert [message.part for message in sink.accepted] == ["start", "end"]
    stayed = {letter.key for letter in dead_letters(instance)}
    assert stayed == {key for key, why in answers.items() if why}
    assert len(stayed) == 3
    assert answers["x:withheld:odd"] == "no event could be built. When that is mended: replay --since … --asset odd"
