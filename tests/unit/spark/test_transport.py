"""How events are handed on. The backends are real HTTP servers."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_server import QuietHandler, serving
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings, SparkTransport
from weather_pipeline.spark.transport import Transport, choose_transport

TYPE, URL = "spark.openlineage.transport.type", "spark.openlineage.transport.url"
LOCATION = "spark.openlineage.transport.location"


class Backend:
    """A lineage backend: what it is asked, and what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.url = ""
        self.asked: list[tuple[str, str | None]] = []

    def handler(self) -> type[QuietHandler]:
        backend = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                backend.asked.append((self.path, self.headers.get("Authorization")))
                self.reply(backend.status, b"{}")

        return Handler


@pytest.fixture
def backend() -> Iterator[Backend]:
    found = Backend()
    with serving(found.handler()) as address:
        found.url = address
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path


def choose(
    home: Path, environment: dict[str, str] | None = None, given: dict[str, object] | None = None, **settings: object
) -> Transport:
    chosen = Settings(**{"home": home / "state", "spark_transport": "http", **settings})  # type: ignore[arg-type]
    return choose_transport("MyJob", chosen, given or {}, environment or {}, directory=home / "here", user=home)


def test_the_spool_by_default(home: Path, backend: Backend) -> None:
    settings = Settings(home=home / "state", marquez_url=backend.url)
    environment = {"OPENLINEAGE_URL": backend.url}
    chosen = choose_transport("MyJob", settings, {}, environment, directory=home / "here", user=home)
    assert chosen.events is not None
    assert chosen.configuration == {TYPE: "file", LOCATION: str(chosen.events)}
    assert backend.asked == []


def test_the_lineage_api(home: Path, backend: Backend) -> None:
    chosen = choose(home, marquez_url=backend.url)
    assert chosen == Transport({TYPE: "http", URL: backend.url})
    assert backend.asked == [("/api/v1/namespaces?limit=1", None)]


def test_a_token_never_stands_on_a_command_line(home: Path, backend: Backend) -> None:
    chosen = choose(home, marquez_url=backend.url, lineage_token="hidden")
    assert chosen.settings(java_runs=False) == chosen.environment(java_runs=True) == {}
    variables = chosen.environment(java_runs=False)
    assert variables["OPENLINEAGE__TRANSPORT__URL"] == backend.url
    assert variables["OPENLINEAGE__TRANSPORT__AUTH__API_KEY"] == "hidden"
    assert backend.asked == [("/api/v1/namespaces?limit=1", "Bearer hidden")]
    assert "hidden" not in repr(chosen)


def test_a_java_that_runs_gets_the_token_by_its_settings_which_its_page_hides(home: Path, backend: Backend) -> None:
    settings = choose(home, marquez_url=backend.url, lineage_token="hidden").settings(java_runs=True)
    (secret,) = [name for name, value in settings.items() if value == "hidden"]
    assert re.search(settings["spark.redaction.regex"], secret)
    assert (settings[TYPE], settings[URL]) == ("http", backend.url)


@pytest.mark.parametrize("status", [200, 404, 405])
def test_any_server_that_answers_will_do(home: Path, backend: Backend, status: int) -> None:
    backend.status = status
    assert choose(home, marquez_url=backend.url).configuration[TYPE] == "http"


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not let us in"), (403, "WEATHER_LINEAGE_TOKEN"), (503, "answered 503")]
)
def test_a_backend_that_takes_nothing_is_said_and_a_file_written(
    home: Path, backend: Backend, caplog: pytest.LogCaptureFixture, status: int, words: str
) -> None:
    backend.status = status
    chosen = choose(home, marquez_url=backend.url)
    assert chosen.configuration[TYPE] == "file"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert words in record.getMessage()
    assert chosen.configuration[LOCATION] in record.getMessage()


def test_a_backend_that_is_away_is_said_and_a_file_written(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    chosen = choose(home, marquez_url="http://127.0.0.1:9")
    location = Path(chosen.configuration[LOCATION])
    assert location.parent == home / "state" / "spark-events"
    assert location.parent.is_dir()
    assert "http://127.0.0.1:9 can't be reached (ConnectionError)" in caplog.text
    assert "MyJob" in caplog.text


@pytest.mark.parametrize("kind", [SparkTransport.FILE, SparkTransport.CONSOLE])
def test_what_needs_no_backend_asks_none(home: Path, backend: Backend, kind: SparkTransport) -> None:
    chosen = choose(home, {"OPENLINEAGE_URL": backend.url}, marquez_url=backend.url, spark_transport=kind)
    assert chosen.configuration[TYPE] == kind
    assert backend.asked == []


def test_files_go_where_the_setting_says(home: Path) -> None:
    chosen = choose(home, spark_transport="file", spark_events=home / "elsewhere")
    assert Path(chosen.configuration[LOCATION]).parent == home / "elsewhere"


def test_the_job_s_own_transport_holds(home: Path) -> None:
    assert choose(home, given={TYPE: "console"}, spark_transport="file") == Transport()


@pytest.mark.parametrize("name", ["OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE"])
def test_openlineages_own_configuration_is_left_to_the_listener(home: Path, name: str) -> None:
    assert choose(home, {name: "something"}, marquez_url="http://127.0.0.1:9") == Transport()


def test_openlineages_own_file_is_left_to_the_listener(home: Path) -> None:
    (home / "here" / "openlineage.yml").write_text("transport:\n  type: console\n")
    assert choose(home, marquez_url="http://127.0.0.1:9") == Transport()


def test_openlineage_url_is_passed_on_since_the_listener_does_not_read_it(home: Path, backend: Backend) -> None:
    chosen = choose(home, {"OPENLINEAGE_URL": f"{backend.url}/"}, marquez_url="http://127.0.0.1:9")
    assert chosen.configuration == {TYPE: "http", URL: backend.url}


@pytest.mark.parametrize("url", ["ftp://host", "host:5000"])
def test_an_openlineage_url_that_is_none_is_refused(home: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="OPENLINEAGE_URL: Should be the base URL"):
        choose(home, {"OPENLINEAGE_URL": url})


def test_a_password_is_refused_and_not_shown(home: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"http://host:9 wants a user and a password") as caught:
        choose(home, marquez_url="http://user:hidden@host:9")
    assert "hidden" not in str(caught.value)
    assert "WEATHER_SPARK_TRANSPORT=file" in str(caught.value)
