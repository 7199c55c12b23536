from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings
from weather_pipeline.sources.keys import knmi_key, open_meteo_key, without_key

KEY = "eyJvcmciOiJtYWRlIHVwIn0="


def test_knmi_wants_one_and_says_where_to_get_it_and_open_meteo_does_without() -> None:
    with pytest.raises(ConfigurationError, match=r"WEATHER_KNMI_API_KEY, or WEATHER_KNMI_API_KEY_FILE.*developer"):
        knmi_key(Settings())
    assert open_meteo_key(Settings()) is None


@pytest.mark.parametrize(("source", "read_from"), [("knmi", knmi_key), ("open_meteo", open_meteo_key)])
def test_two_keys_are_not_chosen_from(source: str, read_from: type, tmp_path: Path) -> None:
    given = {f"{source}_api_key": SecretStr(KEY), f"{source}_api_key_file": tmp_path / "key"}
    name = f"WEATHER_{source.upper()}_API_KEY"
    with pytest.raises(ConfigurationError, match=f"{name} and {name}_FILE are both set") as caught:
        read_from(Settings(**given))
    assert KEY not in str(caught.value)


def test_what_a_server_says_back_is_shown_without_the_key_however_it_is_spelled() -> None:
    spellings = b"a/b=+ a%2Fb%3D%2B a%2fb%3d%2b a/b%3D%2B a\\/b=+ a\\u002fb\\u003D+ %61/b=+"
    assert without_key(spellings, "a/b=+") == "… … … … … … …".encode()
    assert without_key(b"A/b=+ a.b=+", "a/b=+") == b"A/b=+ a.b=+"
    assert without_key(b"all of it", None) == b"all of it"


@pytest.mark.parametrize("key", ["short77", "with/slash", "with+plus", "with=sign", "with%2Fescape", "a&b=cdefg"])
def test_a_key_that_goes_into_a_url_has_one_spelling(key: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(key)
    for origin, given in (
        ("WEATHER_OPEN_METEO_API_KEY", Settings(open_meteo_api_key=SecretStr(key))),
        (str(file), Settings(open_meteo_api_key_file=file)),
    ):
        with pytest.raises(ConfigurationError, match=rf"{origin} holds no key that goes into a URL") as caught:
            open_meteo_key(given)
        assert key not in str(caught.value).removeprefix(origin)
    assert knmi_key(Settings(knmi_api_key=SecretStr(key))) == key
    assert open_meteo_key(Settings(open_meteo_api_key=SecretStr("Aa0-._~z"))) == "Aa0-._~z"
