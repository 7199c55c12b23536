import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from tests.integration.sources.edr_server import KEY as KNMI_KEY
from tests.integration.sources.edr_server import edr_server
from tests.integration.sources.misbehaving import Answer, misbehaving
from tests.unit.sources.bodies import encoded
from weather_pipeline.errors import ConfigurationError, SourceQuotaSpent, SourceRejected, SourceUnavailable
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources.catalog import source_dataset
from weather_pipeline.sources.choose import open_source, resolve
from weather_pipeline.sources.probe import answers
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.stack.postgres import free_port
from weather_pipeline.weather.locations import LOCATIONS

pytestmark = pytest.mark.integration

START = datetime(2026, 5, 1, 10, tzinfo=UTC)


def settings(source: SourceName, url: str) -> Settings:
    return Settings(source=source, open_meteo_url=url)


def test_auto_takes_open_meteo_where_it_answers() -> None:
    with ReplayServer() as server:
        chosen = settings(SourceName.AUTO, server.url)
        assert answers(chosen)
        assert resolve(chosen) is SourceName.OPEN_METEO
        with open_source(chosen) as source:
            fetched = source.fetch(LOCATIONS[:2], START, START + timedelta(hours=1))
    assert fetched.source == "open-meteo"
    assert "CC BY 4.0" in fetched.attribution
    assert fetched.request_url.startswith(server.url)


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_an_open_meteo_that_refuses_is_still_there(status: int) -> None:
    with misbehaving(Answer.reason(status, "busy")) as server:
        assert answers(settings(SourceName.AUTO, server.url))


def test_a_proxy_that_refuses_to_pass_on_is_not_open_meteo() -> None:
    with misbehaving(Answer(403, b"<html>denied</html>", {"Content-Type": "text/html"})) as server:
        assert not answers(settings(SourceName.AUTO, server.url))


def test_a_stack_that_cannot_reach_open_meteo_has_recorded_observations_and_a_run_has_an_error() -> None:
    chosen = settings(SourceName.AUTO, f"http://127.0.0.1:{free_port()}")
    assert resolve(chosen) is SourceName.REPLAY
    with pytest.raises(SourceUnavailable, match=r"can't be reached.*WEATHER_SOURCE=replay"), open_source(chosen):
        pass


def test_recorded_observations_stand_in_for_open_meteos_in_lineage() -> None:
    with open_source(Settings(source=SourceName.REPLAY)) as source:
        fetched = source.fetch(LOCATIONS, START, START + timedelta(hours=1))
    assert set(fetched.table["source"].to_pylist()) == {"replay"}
    assert source.dataset == ("https://api.open-meteo.com", "v1/forecast")
    assert "CC0" in fetched.attribution


def test_a_named_source_is_not_probed() -> None:
    with misbehaving(Answer(body=encoded({}))) as server:
        assert resolve(settings(SourceName.OPEN_METEO, server.url)) is SourceName.OPEN_METEO
        assert resolve(settings(SourceName.REPLAY, server.url)) is SourceName.REPLAY
    assert server.requests == []


def test_the_replay_server_runs_alone() -> None:
    port = free_port()
    command = [sys.executable, "-m", "weather_pipeline.cli", "replay", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert f"http://127.0.0.1:{port}" in process.stderr.readline()
            query = "latitude=52.37&longitude=4.89&hourly=temperature_2m&start_date=2026-01-02&end_date=2026-01-03"
            response = requests.get(f"http://127.0.0.1:{port}/v1/archive?{query}", timeout=10)
            assert response.status_code == 200
            assert len(response.json()["hourly"]["time"]) == 48
        finally:
            process.terminate()


def test_the_archive_is_asked_for_days_and_cut_to_the_hours() -> None:
    with ReplayServer() as server:
        chosen = Settings(source=SourceName.OPEN_METEO_ARCHIVE, open_meteo_archive_url=server.url)
        with open_source(chosen) as source:
            fetched = source.fetch(LOCATIONS, START, START + timedelta(hours=3))
        with open_source(settings(SourceName.OPEN_METEO, server.url)) as forecast:
            same = forecast.fetch(LOCATIONS, START, START + timedelta(hours=3))
    assert source.name == fetched.source == "open-meteo-archive"
    assert source.dataset == ("https://archive-api.open-meteo.com", "v1/archive")
    assert "/v1/archive?" in fetched.request_url
    assert "start_date=2026-05-01&end_date=2026-05-01" in fetched.request_url
    assert set(fetched.table["visibility"].to_pylist()) == {None}
    kept = [name for name in fetched.table.column_names if name not in ("source", "visibility")]
    assert fetched.table.select(kept).equals(same.table.select(kept))
    assert fetched.units == same.units


@pytest.mark.parametrize("by_file", [False, True])
def test_the_key_comes_from_the_environment_or_a_file(by_file: bool, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cr3tkey\n")
    with misbehaving(Answer.reason(400, "no")) as server:
        chosen = Settings(
            source=SourceName.OPEN_METEO,
            open_meteo_url=server.url,
            open_meteo_api_key=None if by_file else SecretStr("s3cr3tkey"),
            open_meteo_api_key_file=tmp_path / "key" if by_file else None,
        )
        with open_source(chosen) as source, pytest.raises(SourceRejected):
            source.fetch(LOCATIONS, START, START + timedelta(hours=1))
    assert server.requests[0].endswith("&apikey=s3cr3tkey")
    assert "s3cr3tkey" not in repr(chosen)


@pytest.mark.parametrize(("content", "words"), [(None, "can't be read"), (b"  \n", "is empty"), (b"\xff", "no key")])
def test_a_key_file_that_cannot_be_used_is_named(content: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    chosen = Settings(source=SourceName.OPEN_METEO, open_meteo_api_key_file=path)
    with pytest.raises(ConfigurationError, match=f"WEATHER_OPEN_METEO_API_KEY_FILE.*{words}"), open_source(chosen):
        pass


def test_knmi_is_asked_with_its_key_within_its_hours_budget(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KNMI_KEY}\n")
    with edr_server() as server:
        chosen = Settings(
            home=tmp_path,
            source=SourceName.KNMI,
            knmi_url=server.url,
            knmi_api_key_file=tmp_path / "key",
            knmi_hour_limit=1,
        )
        with open_source(chosen) as source:
            fetched = source.fetch(LOCATIONS, START, START + timedelta(hours=1))
        with open_source(chosen) as source, pytest.raises(SourceQuotaSpent, match="WEATHER_KNMI_HOUR_LIMIT"):
            source.fetch(LOCATIONS, START, START + timedelta(hours=1))
        with open_source(chosen.model_copy(update={"knmi_hour_limit": 0})) as source:
            source.fetch(LOCATIONS, START, START + timedelta(hours=1))
    assert len(server.requests) == 2
    assert source.name == fetched.source == "knmi"
    assert source.dataset == source_dataset(chosen).identity
    assert fetched.attribution in source_dataset(chosen).description


def test_knmi_without_a_key_is_not_opened() -> None:
    with (
        pytest.raises(ConfigurationError, match="KNMI wants an API key"),
        open_source(Settings(source=SourceName.KNMI)),
    ):
        pass


def test_the_limits_of_the_settings_are_shared_by_all_who_open_the_source(tmp_path: Path) -> None:
    with ReplayServer() as server:
        chosen = Settings(
            home=tmp_path, source=SourceName.OPEN_METEO, open_meteo_url=server.url, open_meteo_day_limit=20
        )
        with open_source(chosen) as source:
            source.fetch(LOCATIONS, START, START + timedelta(hours=1))
        with open_source(chosen) as source, pytest.raises(SourceQuotaSpent, match="WEATHER_OPEN_METEO_DAY_LIMIT"):
            source.fetch(LOCATIONS, START, START + timedelta(hours=1))
        with open_source(chosen.model_copy(update={"open_meteo_day_limit": 0})) as source:
            source.fetch(LOCATIONS, START, START + timedelta(hours=1))
        assert server.answered == 2
