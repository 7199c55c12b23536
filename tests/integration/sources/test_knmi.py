"""The client of KNMI against real servers on loopback: one that reads the query, and ones that answer wrongly."""

from __future__ import annotations

import json
import logging
import pickle
import socket
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sources.edr_server import BASE, KEY, edr_server, reading
from tests.integration.sources.misbehaving import Answer, misbehaving
from tests.unit.sources.bodies import encoded
from tests.unit.sources.knmi_bodies import END, START, collection, coverage
from tests.unit.weather.bronze_rows import NO_ROWS_QUARANTINED
from weather_pipeline.errors import (
    ConfigurationError,
    SourceQuotaSpent,
    SourceRateLimited,
    SourceRejected,
    SourceUnavailable,
    WeatherPipelineError,
)
from weather_pipeline.lineage.naming import checked_name, checked_namespace
from weather_pipeline.sources.answers import BrokenBody, NotYetThere
from weather_pipeline.sources.base import WeatherSource
from weather_pipeline.sources.budget import Limits
from weather_pipeline.sources.knmi import KnmiSource
from weather_pipeline.sources.knmi_api import DATASET
from weather_pipeline.sources.knmi_stations import STATIONS
from weather_pipeline.sources.ledger import FileLedger
from weather_pipeline.stack.postgres import free_port
from weather_pipeline.store.lake import bronze_files, write_bronze
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, Fetched, Lack
from weather_pipeline.weather.cleaning import clean
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.quality import evaluate

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
OLD = datetime(2020, 1, 1, 8, tzinfo=UTC)
GOOD = encoded(collection(coverage()))


def fetch(url: str, *, key: str = KEY, read_timeout: float = 10, start: datetime = START) -> Fetched:
    with KnmiSource(url, key, first_wait=0, timeout=(5, read_timeout)) as source:
        return source.fetch(LOCATIONS[:1], start, start + (END - START))


def refusal(status: int, error: str, **headers: str) -> Answer:
    """An error in the shape of KNMI's gateway."""
    return Answer(
        status, json.dumps({"error": error}).encode(), {name.replace("_", "-"): headers[name] for name in headers}
    )


class TestRightAnswers:
    def test_a_day_of_all_places_comes_in_one_request(self) -> None:
        day = datetime(2026, 11, 20, tzinfo=UTC)
        before = datetime.now(UTC)
        with edr_server() as server, KnmiSource(server.url, KEY) as source:
            fetched = source.fetch(LOCATIONS, day, day + 24 * HOUR)
        assert len(server.requests) == 1
        assert fetched.table.schema == BRONZE_SCHEMA
        assert fetched.table.num_rows == 15 * 24
        assert before <= fetched.received_at <= datetime.now(UTC)
        assert fetched.source == source.name == "knmi"
        assert "KNMI" in fetched.attribution
        assert "CC BY 4.0" in fetched.attribution
        row = next(row for row in fetched.table.to_pylist() if row["time"] == "2026-11-20T08:00")
        assert (row["location_id"], row["latitude"], row["longitude"]) == ("amsterdam", 52.318, 4.79)
        assert row["temperature_2m"] == reading("ta", day + 8 * HOUR)
        assert row["precipitation"] == reading("R1H", day + 8 * HOUR)
        assert row["wind_gusts_10m"] == reading("fx", day + 8 * HOUR - timedelta(minutes=10))

    def test_the_rows_go_through_quality_and_cleaning(self, tmp_path: Path) -> None:
        lake = LocalStore(tmp_path)
        with edr_server() as server, KnmiSource(server.url, KEY) as source:
            write_bronze(lake, source.fetch(LOCATIONS, START, END), start=START, end=END)
        with bronze_files(lake, START, END) as files:
            report = evaluate(files, start=START, end=END)
            observations = clean(files, NO_ROWS_QUARANTINED, start=START, end=END)
        assert report.blocking == ()
        assert report.quarantined_rows == 0
        assert observations.num_rows == 30
        first = observations.to_pylist()[0]
        assert first["source"] == "knmi"
        assert first["wind_speed_ms"] == reading("ff", START)

    def test_the_request_names_the_box_of_the_stations_and_the_hour_before(self) -> None:
        with edr_server() as server, KnmiSource(f"{server.url}/", KEY) as source:
            fetched = source.fetch(LOCATIONS[:2], START, END)
        assert fetched.request_url == server.url + server.requests[0]
        [request] = server.requests
        assert request == (
            "/edr/v1/collections/10-minute-in-situ-meteorological-observations/cube?bbox=4.427,51.942,4.810,52.338"
            "&datetime=2026-11-20T07:10:00Z/2026-11-20T09:00:00Z&parameter-name=ta,rh,td,ff,dd,fx,R1H,pp,vv"
            "&f=CoverageJSON"
        )

    def test_a_station_that_is_silent_costs_only_its_own_places_and_these_are_named(self) -> None:
        others = [station for station in STATIONS if station.name not in ("Gilze-Rijen", "Schiphol")]
        with edr_server(others) as server, KnmiSource(server.url, KEY) as source:
            fetched = source.fetch(LOCATIONS, START, END)
        assert fetched.table.num_rows == 24
        silent = {"amsterdam": "Schiphol", "tilburg": "Gilze-Rijen", "breda": "Gilze-Rijen"}
        assert fetched.lacks == tuple(
            Lack(place, f"KNMI sent nothing of {station} for 2 of 2 hours") for place, station in silent.items()
        )

    def test_the_dataset_is_a_name_that_lineage_accepts(self) -> None:
        source: WeatherSource = KnmiSource("http://127.0.0.1:1", KEY)
        assert source.dataset == DATASET
        assert checked_namespace(DATASET[0]) == "https://api.dataplatform.knmi.nl"
        assert checked_name("dataset", DATASET[1]) == DATASET[1]


class TestWrongAnswers:
    @pytest.mark.parametrize(
        ("answer", "error", "words", "requests"),
        [
            (refusal(400, "Attempted access with malformed header"), SourceRejected, "answered 400: Attempted", 1),
            (Answer(400, b'{"code":"400","description":"Unknown R1H"}'), SourceRejected, "400: Unknown R1H", 1),
            (Answer(422, b'{"detail":[{"msg":"bad bbox"}]}'), SourceRejected, "422: .*bad bbox", 1),
            (Answer(413, b"Too large"), SourceRejected, "answered 413: Too large", 1),
            (Answer(418, b""), SourceRejected, "answered 418: I'm a Teapot", 1),
            (
                refusal(401, "Authorization field missing"),
                SourceRejected,
                "401: Auth.*Check the key in WEATHER_KNMI",
                1,
            ),
            (refusal(403, "Access to this API has been disallowed"), SourceRejected, "403: Access.*Check the key", 1),
            (refusal(403, "Quota exceeded"), SourceQuotaSpent, "403: Quota exceeded. Retry from", 1),
            (refusal(429, "Quota exceeded"), SourceQuotaSpent, "429: Quota exceeded. Retry from", 1),
            (refusal(429, "Rate limit exceeded"), SourceRateLimited, "429: Rate.*Try again in 5 s", 1),
            (Answer(408, b"too slow"), SourceUnavailable, "answered 408: too slow", 3),
            (refusal(500, "There was a problem proxying the request"), SourceUnavailable, "500: There was", 3),
            (Answer(502, b"<html>Bad gateway</html>"), SourceUnavailable, "answered 502: <html>", 3),
            (Answer(503, b""), SourceUnavailable, "answered 503: Service Unavailable", 3),
            (Answer(504, b""), SourceUnavailable, "answered 504: Gateway Timeout", 3),
            (Answer(body=GOOD[:200]), BrokenBody, "truncated or malformed JSON", 3),
            (Answer(body=GOOD[:200], missing=500), SourceUnavailable, "broke off", 3),
            (Answer(body=b"<html>It works!</html>"), BrokenBody, "no JSON but '<html>", 3),
            (Answer(body=b'{"type":"FeatureCollection"}'), BrokenBody, "not CoverageJSON", 3),
            (Answer(body=GOOD.replace(b'"NdArray"', b'"TiledNdArray"')), BrokenBody, "TiledNdArray", 3),
            (Answer(body=encoded(collection(coverage(ta=[1.0])))), BrokenBody, "1 values of ta for 12 times", 3),
            (
                Answer(301, headers={"Location": "https://u:p@example.org/"}),
                SourceRejected,
                "to https://example.org/",
                1,
            ),
        ],
        ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
    )
    def test_each_is_told_apart_and_asked_again_only_where_that_can_help(
        self, answer: Answer, error: type[WeatherPipelineError], words: str, requests: int
    ) -> None:
        with misbehaving(answer) as server, pytest.raises(error, match=words) as caught:
            fetch(server.url)
        assert len(server.requests) == requests
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_an_overloaded_server_is_asked_again(self, status: int) -> None:
        with misbehaving(Answer(status, b"busy"), Answer(body=GOOD)) as server:
            assert fetch(server.url).table.num_rows == 2
        assert server.authorizations == [KEY, KEY]

    @pytest.mark.parametrize(
        "broken", [Answer(body=GOOD[:200]), Answer(body=GOOD[:200], missing=500), Answer(body=b"<html>")]
    )
    def test_a_broken_answer_is_asked_for_again(self, broken: Answer) -> None:
        with misbehaving(broken, Answer(body=GOOD)) as server:
            assert fetch(server.url).table.num_rows == 2
        assert len(server.requests) == 2

    def test_a_server_that_is_not_there_and_one_that_does_not_answer_are_unavailable(self) -> None:
        with pytest.raises(SourceUnavailable, match="can't be reached"):
            fetch(f"http://127.0.0.1:{free_port()}")
        with (
            socket.create_server(("127.0.0.1", 0)) as silent,
            pytest.raises(SourceUnavailable, match=r"can't be reached.*timed out"),
        ):
            fetch(f"http://127.0.0.1:{silent.getsockname()[1]}", read_timeout=0.05)


class TestNothingThere:
    NOTHING = (
        Answer(404, b'{"detail":"The query returned no stations"}'),
        Answer(204),
        Answer(body=encoded(collection())),
        Answer(body=encoded(collection(coverage(times=["2026-11-20T07:50:00Z"])))),
    )

    @pytest.mark.parametrize("answer", NOTHING, ids=["404", "204", "no coverage", "other hours"])
    def test_of_hours_long_past_is_final(self, answer: Answer) -> None:
        with (
            misbehaving(answer) as server,
            pytest.raises(SourceRejected, match="no observations for 2020-01-01T08:00Z"),
        ):
            fetch(server.url, start=OLD)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("answer", NOTHING, ids=["404", "204", "no coverage", "other hours"])
    def test_of_hours_just_past_may_be_late(self, answer: Answer) -> None:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        with misbehaving(answer) as server, pytest.raises(NotYetThere, match="they may be late"):
            fetch(server.url, start=now - 2 * HOUR)
        assert len(server.requests) == 1

    def test_hours_that_come_with_nulls_alone_are_not_there_yet(self) -> None:
        nulls: dict[str, Any] = {
            name: [first if step < 6 else None for step in range(12)] for name, first in BASE.items()
        }
        with (
            misbehaving(Answer(body=encoded(collection(coverage(**nulls))))) as server,
            KnmiSource(server.url, KEY, first_wait=0) as source,
            pytest.raises(NotYetThere, match=r"for 2026-11-20T09:00Z .*2026-11-20T08:00Z to before .* is there"),
        ):
            source.fetch([place for place in LOCATIONS if place.id == "amsterdam"], START, END)
        assert len(server.requests) == 1

    def test_the_servers_words_are_kept(self) -> None:
        with (
            edr_server(stations=[]) as server,
            KnmiSource(server.url, KEY) as source,
            pytest.raises(SourceRejected, match="answered 404: The query returned no stations"),
        ):
            source.fetch(LOCATIONS, OLD, OLD + HOUR)


class TestLimits:
    def test_a_quota_says_when_it_is_over_as_the_server_does(self) -> None:
        reset = int(time.time()) + 1234
        with (
            misbehaving(refusal(403, "Quota exceeded", X_RateLimit_Reset=str(reset))) as server,
            pytest.raises(SourceQuotaSpent) as caught,
        ):
            fetch(server.url)
        assert caught.value.retry_from == datetime.fromtimestamp(reset, UTC)

    @pytest.mark.parametrize("reset", ["", "soon", "0", "99999999999"])
    def test_a_quota_without_a_time_that_can_be_is_over_in_an_hour(self, reset: str) -> None:
        before = datetime.now(UTC)
        with (
            misbehaving(refusal(403, "Quota exceeded", X_RateLimit_Reset=reset)) as server,
            pytest.raises(SourceQuotaSpent) as caught,
        ):
            fetch(server.url)
        assert before + HOUR <= caught.value.retry_from <= datetime.now(UTC) + HOUR + timedelta(seconds=1)

    def test_the_second_limit_is_waited_out_as_long_as_the_server_says(self) -> None:
        with (
            misbehaving(refusal(429, "Rate limit exceeded", Retry_After="17")) as server,
            pytest.raises(SourceRateLimited) as caught,
        ):
            fetch(server.url)
        assert caught.value.retry_after == 17

    @pytest.mark.parametrize(("status", "words"), [(429, "Rate limit exceeded"), (403, "Quota exceeded")])
    def test_a_limit_that_is_said_to_last_for_years_is_over_in_a_day(self, status: int, words: str) -> None:
        with (
            misbehaving(refusal(status, words, Retry_After="999999999")) as server,
            pytest.raises(SourceQuotaSpent) as caught,
        ):
            fetch(server.url)
        assert caught.value.retry_from <= datetime.now(UTC) + timedelta(days=1, seconds=1)

    def test_a_limit_that_lasts_longer_than_a_step_may_wait_is_a_quota(self) -> None:
        before = datetime.now(UTC)
        with (
            misbehaving(refusal(429, "slow down", Retry_After="900")) as server,
            pytest.raises(SourceQuotaSpent) as caught,
        ):
            fetch(server.url)
        assert timedelta(seconds=900) <= caught.value.retry_from - before


class TestTheBudget:
    def fetch(self, url: str, budget: Path, *, limit: float = 4) -> Fetched:
        ledger = FileLedger(budget, "knmi", Limits(hour=limit), setting="WEATHER_KNMI")
        with KnmiSource(url, KEY, ledger=ledger, first_wait=0) as source:
            return source.fetch(LOCATIONS[:1], START, END)

    def test_every_attempt_is_charged(self, tmp_path: Path) -> None:
        with misbehaving(Answer(503), Answer(body=GOOD[:9]), Answer(body=GOOD), Answer(503)) as server:
            self.fetch(server.url, tmp_path / "budget")
            with pytest.raises(SourceQuotaSpent, match=r"0 of 4 are left.*WEATHER_KNMI_HOUR_LIMIT sets the budget"):
                self.fetch(server.url, tmp_path / "budget")
        assert len(server.requests) == 4

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (refusal(403, "Quota exceeded"), SourceQuotaSpent),
            (refusal(429, "Rate limit exceeded", Retry_After="60"), SourceRateLimited),
        ],
    )
    def test_nobody_asks_before_the_servers_limit_is_over(
        self, tmp_path: Path, answer: Answer, error: type[WeatherPipelineError]
    ) -> None:
        with misbehaving(answer) as server:
            for _ in range(2):
                with pytest.raises(error):
                    self.fetch(server.url, tmp_path / "budget", limit=1000)
        assert len(server.requests) == 1


class TestTheKey:
    def test_it_is_in_the_header_and_nowhere_else(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG), misbehaving(Answer(body=b"<html>"), Answer(body=GOOD)) as server:
            fetched = fetch(server.url)
        assert server.authorizations == [KEY, KEY]
        assert not any(KEY in request for request in server.requests)
        assert KEY not in str(fetched)
        assert KEY not in caplog.text

    @pytest.mark.parametrize(
        "answer",
        [
            refusal(403, f"Access disallowed for {KEY}"),
            Answer(500, f"header was {KEY}".encode()),
            Answer(302, headers={"Location": "https://example.org"}),
            Answer(body=b"{", missing=5),
            Answer(302, headers={"Location": f"https://example.org/{KEY}?key={KEY}"}),
            Answer(body=f"<html>{KEY}".encode()),
            Answer(404, f"Nothing for {KEY}".encode()),
            refusal(429, f"Quota of {KEY}"),
        ],
        ids=["refused", "failed", "redirect", "cut", "redirect with it", "no JSON", "nothing there", "quota"],
    )
    def test_no_failure_shows_it(self, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
        with (
            caplog.at_level(logging.DEBUG),
            misbehaving(answer) as server,
            pytest.raises(WeatherPipelineError) as caught,
        ):
            fetch(server.url)
        assert_nowhere(caught.value)
        assert KEY not in caplog.text

    def test_a_server_that_is_not_there_does_not_show_it(self) -> None:
        with pytest.raises(SourceUnavailable) as caught:
            fetch(f"http://127.0.0.1:{free_port()}")
        assert_nowhere(caught.value)

    def test_a_redirect_does_not_carry_it_to_another_server(self) -> None:
        with misbehaving(Answer(body=GOOD)) as other:
            for status in (301, 302, 303, 307, 308):
                redirect = Answer(status, headers={"Location": f"{other.url}/edr"})
                with (
                    misbehaving(redirect) as server,
                    pytest.raises(SourceRejected, match=f"not followed.*{other.url}/edr"),
                ):
                    fetch(server.url)
        assert other.requests == []

    def test_a_netrc_file_does_not_replace_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login someone password else\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        with misbehaving(Answer(body=GOOD)) as server:
            fetch(server.url)
        assert server.authorizations == [KEY]

    def test_a_wrong_one_is_refused_with_what_to_check(self) -> None:
        with edr_server() as server, pytest.raises(SourceRejected, match=r"disallowed\. Check the key in WEATHER_KNMI"):
            fetch(server.url, key="wrong")

    def test_one_that_fits_in_no_header_is_refused_before_anything_is_sent(self) -> None:
        with pytest.raises(ConfigurationError, match="holds no key") as caught:
            fetch("http://127.0.0.1:1", key=f"{KEY}\r\nX: y")
        assert_nowhere(caught.value)


def assert_nowhere(error: BaseException) -> None:
    """The key is in no message, no cause, and in no object that an exception of the chain carries."""
    assert KEY not in "".join(traceback.format_exception(error))
    for each in _chain(error):
        assert KEY not in f"{each!r} {each.args!r}"
        for carried in vars(each).values():
            assert KEY not in f"{carried!r} {getattr(carried, 'headers', '')!r}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
