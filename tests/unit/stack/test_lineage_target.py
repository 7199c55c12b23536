"""Where lineage goes."""

from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.openlineage_environment import openlineage_configuration
from weather_pipeline.settings import Settings
from weather_pipeline.stack.lineage_target import lineage_target


def target(tmp_path: Path, environment: dict[str, str], marquez_url: str | None = None):
    settings = Settings(port_offset=10, marquez_url=marquez_url)
    return lineage_target(settings, environment, directory=tmp_path / "here", user=tmp_path / "user")


def test_the_embedded_service_where_nothing_is_set(tmp_path: Path) -> None:
    found = target(tmp_path, {"PATH": "/bin", "OPENLINEAGE__FACETS": "{}"})
    assert (found.url, found.embedded) == ("http://127.0.0.1:5010", True)


def test_marquez_url(tmp_path: Path) -> None:
    found = target(tmp_path, {}, "http://marquez:5000/")
    assert (found.url, found.embedded, found.reason) == ("http://marquez:5000", False, "MARQUEZ_URL")


@pytest.mark.parametrize("name", ["OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE"])
def test_openlineages_own_variables_come_first(tmp_path: Path, name: str) -> None:
    found = target(tmp_path, {name: "http://there"}, "http://marquez:5000")
    assert (found.url, found.embedded) == ("http://marquez:5000", False)
    assert name in found.reason


def test_openlineage_url_is_read_where_marquez_url_is_not_set(tmp_path: Path) -> None:
    assert target(tmp_path, {"OPENLINEAGE_URL": "http://there"}).url == "http://there"
    assert target(tmp_path, {"OPENLINEAGE_CONFIG": "/etc/openlineage.yml"}).url is None


@pytest.mark.parametrize("place", ["here/openlineage.yml", "user/.openlineage/openlineage.yml"])
def test_openlineages_files_count(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text("transport: {type: console}")
    found = openlineage_configuration({}, directory=tmp_path / "here", user=tmp_path / "user")
    assert found == str(file)


def test_a_login_is_kept_to_connect_and_never_shown(tmp_path: Path) -> None:
    for found in (
        target(tmp_path, {}, "http://user:secret@marquez:5000"),
        target(tmp_path, {"OPENLINEAGE_URL": "http://user:secret@marquez:5000/"}),
    ):
        assert (found.address, found.url) == ("http://user:secret@marquez:5000", "http://marquez:5000")
        assert "secret" not in f"{found!r}{found.reason}"


def test_an_openlineage_url_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"OPENLINEAGE_URL: .*'…@there:1'") as error:
        target(tmp_path, {"OPENLINEAGE_URL": "user:secret@there:1"})
    assert "secret" not in str(error.value)


def test_empty_variables_count_as_not_set(tmp_path: Path) -> None:
    assert target(tmp_path, {"OPENLINEAGE_URL": "", "OPENLINEAGE_CONFIG": ""}).embedded
