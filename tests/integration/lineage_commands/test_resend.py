"""Sending the past again: order, outages, refusals, interruptions."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from openlineage.client.event_v2 import RunState

from weather_pipeline.lineage.answers import Answer, Verdict
from weather_pipeline.lineage.deadletters import DeadLetters, all_letters
from weather_pipeline.lineage.messages import JobDescription, Message, RunDescription, run_message
from weather_pipeline.lineage.resend import BackendAway, Parcel, Resending, resend_letters
from weather_pipeline.lineage.scope import Scope

pytestmark = pytest.mark.integration

START = datetime(2026, 11, 1, tzinfo=UTC)
ACCEPTED = Answer(Verdict.ACCEPTED)
REFUSED = Answer(Verdict.REFUSED, "HTTP 422: no")
ILL = Answer(Verdict.DOUBTFUL, "HTTP 500: oops")
WITHHELD = Answer(Verdict.WITHHELD, "a filter")
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


def letters_of(instance: dg.DagsterInstance) -> DeadLetters:
    return DeadLetters(instance, Scope("shop", "__repository__"), "sensor")


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
    done = Resending(letters_of(instance), sink, "test").send(parcels(100))
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
    resending = Resending(letters_of(instance), Sink(), "test", tell=lambda done: ahead.append(read - done.runs))
    resending.send(counted())
    assert max(ahead) <= 3 * 32


def test_a_refused_event_is_a_dead_letter_and_holds_up_nobody(instance: dg.DagsterInstance) -> None:
    sink = Sink(lambda message: REFUSED if "job_7" in str(message.body()["job"]) else ACCEPTED)
    done = Resending(letters_of(instance), sink, "test").send(parcels(10))
    assert (done.runs, done.accepted, done.refused) == (10, 18, 2)
    assert {letter.writer for letter in all_letters(instance)} == {"test"}
    assert str(done.last_refusal).endswith(":end: HTTP 422: no")


def test_an_event_that_always_answers_500_ends_as_a_dead_letter_after_all_others_were_sent(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weather_pipeline.lineage.resend._ROUNDS", 2)
    # More runs than workers begin with it, and before any is accepted.
    sink = Sink(lambda message: ILL if message.body()["job"]["name"] <= "job_18" else ACCEPTED)
    done = Resending(letters_of(instance), sink, "test").send(map(parcel, range(10, 30)))
    assert (done.runs, done.accepted, done.refused) == (20, 22, 18)
    assert {letter.event["job"]["name"] for letter in all_letters(instance)} == {f"job_{n}" for n in range(10, 19)}
    assert "HTTP 500: oops" in str(done.last_refusal)


def test_a_refusal_counts_only_where_the_backend_takes_others_right_after(instance: dg.DagsterInstance) -> None:
    asked = 0

    def broken_for_a_while(message: Message) -> Answer:
        nonlocal asked
        asked += 1
        return REFUSED if 10 < asked < 40 else ACCEPTED

    done = Resending(letters_of(instance), Sink(broken_for_a_while), "test").send(parcels(20))
    assert (done.runs, done.refused) == (20, 0)
    assert all_letters(instance) == []


def test_what_is_accepted_is_no_dead_letter_any_more(instance: dg.DagsterInstance) -> None:
    letters = letters_of(instance)
    for message in parcel(1).messages:
        letters.bury(message.key, "HTTP 422: no", message.body())
    other = DeadLetters(instance, Scope("store", "__repository__"), "sensor")
    other.bury(parcel(1).messages[0].key, "HTTP 422: no", {})
    Resending(letters, Sink(), "test").send(parcels(3))
    assert letters.count() == 0
    assert other.count() == 1


def test_what_the_configuration_keeps_back_is_not_accepted(instance: dg.DagsterInstance) -> None:
    sink = Sink(lambda message: WITHHELD if "job_1" in str(message.body()["job"]) else ACCEPTED)
    done = Resending(letters_of(instance), sink, "test").send(parcels(3))
    assert (done.runs, done.accepted, done.withheld) == (3, 4, 2)


def test_a_backend_that_refuses_everything_is_to_blame_itself(instance: dg.DagsterInstance) -> None:
    resending = Resending(letters_of(instance), Sink(lambda message: REFUSED), "test")
    with pytest.raises(BackendAway, match="refuses everything: HTTP 422"):
        resending.send(parcels(3))
    assert all_letters(instance) == []
    assert resending.done.reached == START


def test_an_outage_is_waited_out(instance: dg.DagsterInstance) -> None:
    asked = 0

    def recovering(message: Message) -> Answer:
        nonlocal asked
        asked += 1
        return AWAY if 10 < asked < 25 else ACCEPTED

    done = Resending(letters_of(instance), Sink(recovering), "test").send(parcels(40))
    assert (done.runs, done.accepted) == (40, 80)


def test_a_backend_that_stays_away_ends_it_and_says_where(instance: dg.DagsterInstance) -> None:
    sink = Sink(lambda message: AWAY if message.at >= parcel(32).messages[0].at else ACCEPTED)
    resending = Resending(letters_of(instance), sink, "test", patience=0.0)
    with pytest.raises(BackendAway, match="takes no events: connection refused"):
        resending.send(parcels(64))
    assert resending.done.runs == 32
    assert resending.done.reached == START + timedelta(minutes=32)


def test_an_interruption_says_how_far_it_came(instance: dg.DagsterInstance) -> None:
    def interrupted() -> Iterator[Parcel]:
        yield from parcels(80)
        raise KeyboardInterrupt

    resending = Resending(letters_of(instance), Sink(), "test")
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
            letters_of(instance).bury(message.key, "HTTP 422: no", message.body())
    letters_of(instance).bury("x:withheld:odd", "no name", {"dagsterRunId": "x", "asset": "odd"})
    sink = Sink(lambda message: REFUSED if "job_2" in str(message.body()["job"]) else ACCEPTED)
    answers = {letter.key: why for letter, why in resend_letters(instance, sink, all_letters(instance))}
    assert [message.part for message in sink.accepted] == ["start", "end"]
    stayed = {letter.key for letter in all_letters(instance)}
    assert stayed == {key for key, why in answers.items() if why}
    assert len(stayed) == 3
    assert answers["x:withheld:odd"] == "no event could be built. When that is mended: replay --since … --asset odd"


def test_parcels_of_the_same_name_are_all_sent_in_order(instance: dg.DagsterInstance) -> None:
    """As the pages of what was reported without a run."""
    parcels = [Parcel("reported", each.at, each.messages) for each in map(parcel, range(3))]
    sink = Sink()
    done = Resending(letters_of(instance), sink, "replay").send(parcels)
    assert done.accepted == 6
    assert [message.key for message in sink.accepted] == [message.key for each in parcels for message in each.messages]
