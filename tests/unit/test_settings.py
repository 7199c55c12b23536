"""The environment: what is refused, and how it is said."""

from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings, load_settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WEATHER_PORT_OFFSET", "x", "WEATHER_PORT_OFFSET: Input should be a valid integer"),
        (
            "WEATHER_SOURCE",
            "elsewhere",
            "WEATHER_SOURCE: Input should be 'auto', 'open-meteo', 'open-meteo-archive', 'knmi' or 'replay'",
        ),
        ("WEATHER_SCHEDULE", "perhaps", "WEATHER_SCHEDULE: Input should be a valid boolean"),
        ("MARQUEZ_URL", "localhost:9", "MARQUEZ_URL: Should be the base URL of a server"),
        ("WEATHER_MARQUEZ_URL", "localhost:9", "WEATHER_MARQUEZ_URL: Should be the base URL of a server"),
        ("WEATHER_OPEN_METEO_URL", "ftp://h", "WEATHER_OPEN_METEO_URL: Should be the base URL of a server"),
        ("WEATHER_KNMI_URL", "api.dataplatform.knmi.nl", "WEATHER_KNMI_URL: Should be the base URL of a server"),
        ("WEATHER_KNMI_HOUR_LIMIT", "-1", "WEATHER_KNMI_HOUR_LIMIT: Input should be greater than or equal to 0"),
        (
            "WEATHER_LINEAGE_RETENTION_DAYS",
            "-1",
            "WEATHER_LINEAGE_RETENTION_DAYS: Input should be greater than or equal to 0",
        ),
        ("WEATHER_SPARK_TRANSPORT", "kafka", "WEATHER_SPARK_TRANSPORT: Input should be 'http', 'file' or 'console'"),
        ("WEATHER_DAGSTER_URL", "http://", "WEATHER_DAGSTER_URL: Should be the base URL of a server"),
        ("WEATHER_LINEAGE_BODY_LIMIT", "0", "WEATHER_LINEAGE_BODY_LIMIT: Input should be greater than 0"),
        ("WEATHER_LINEAGE_CORS_ORIGINS", "*", "WEATHER_LINEAGE_CORS_ORIGINS: Should be origins of web pages"),
        ("WEATHER_LINEAGE_CORS_ORIGINS", "https://a,", "WEATHER_LINEAGE_CORS_ORIGINS: Should be origins of web pages"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_with_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as error:
        load_settings()
    assert str(error.value).splitlines()[1].startswith(words)
    assert f"(it is {value!r})" in str(error.value)


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_PORT_OFFSET", "-1")
    monkeypatch.setenv("WEATHER_SOURCE", "no")
    with pytest.raises(ConfigurationError) as error:
        load_settings()
    assert [line.split(":")[0] for line in str(error.value).splitlines()[1:]] == [
        "WEATHER_PORT_OFFSET",
        "WEATHER_SOURCE",
    ]


@pytest.mark.parametrize("name", ["MARQUEZ_URL", "WEATHER_DAGSTER_URL", "WEATHER_OPEN_METEO_URL"])
def test_the_password_of_an_address_is_in_no_message(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://user:sec/ret@host:9")
    with pytest.raises(ConfigurationError) as error:
        load_settings()
    assert "'…@host:9'" in str(error.value)
    assert "sec" not in f"{error.value}{error.value.__cause__}"


def test_marquez_may_want_a_password_and_nobody_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUEZ_URL", "http://user:hunter2@marquez:5000/")
    settings = load_settings()
    assert settings.effective_marquez_url == "http://user:hunter2@marquez:5000"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "name", ["WEATHER_DAGSTER_URL", "WEATHER_OPEN_METEO_URL", "WEATHER_OPEN_METEO_ARCHIVE_URL", "WEATHER_KNMI_URL"]
)
def test_addresses_that_stand_in_events_hold_no_password(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://user:secret@host:9")
    with pytest.raises(ConfigurationError, match=f"{name}: Should hold no user and password") as error:
        load_settings()
    assert "secret" not in str(error.value)


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_LINEAGE_CORS_ORIGINS", "https://a.example, http://localhost:8080")
    assert load_settings().lineage_cors_origins == ("https://a.example", "http://localhost:8080")
    monkeypatch.setenv("WEATHER_LINEAGE_CORS_ORIGINS", "")
    assert load_settings().lineage_cors_origins is None


def test_patterns_of_spark_jobs_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_SPARK_LINEAGE_OFF", "scratch_*, Probe ,")
    assert load_settings().spark_lineage_off == ("scratch_*", "Probe")
    monkeypatch.setenv("WEATHER_SPARK_LINEAGE_OFF", "")
    assert load_settings().spark_lineage_off is None


def test_spark_s_directories_lie_in_the_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert settings.effective_spark_jars == tmp_path / "jars" / "spark"
    assert settings.effective_spark_events == tmp_path / "spark-events"
    monkeypatch.setenv("WEATHER_SPARK_JARS", "jars")
    assert load_settings().effective_spark_jars == Path.cwd() / "jars"


def test_empty_variables_count_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEATHER_HOME", "WEATHER_PORT_OFFSET", "WEATHER_DATABASE_URL", "MARQUEZ_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("WEATHER_MARQUEZ_URL", "http://marquez:5000")
    settings = load_settings()
    assert (settings.home, settings.port_offset, settings.database_url) == (Path(".weather"), 0, None)
    assert settings.marquez_url == "http://marquez:5000"
    assert settings == Settings(marquez_url="http://marquez:5000")
