from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.sources.knmi_key import check_key, read_key

KEY = "eyJvcmciOiJtYWRlIHVwIn0="


def test_the_key_is_a_value_or_what_a_file_holds_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert read_key(KEY, None) == read_key(f" {KEY} ", None) == read_key(None, file) == KEY


def test_no_key_says_where_to_get_one() -> None:
    with pytest.raises(ConfigurationError, match=r"WEATHER_KNMI_API_KEY, or WEATHER_KNMI_API_KEY_FILE.*developer"):
        read_key(None, None)


def test_two_keys_are_not_chosen_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="both set"):
        read_key(KEY, tmp_path / "key")


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing can't be read: No such file"):
        read_key(None, tmp_path / "missing")
    with pytest.raises(ConfigurationError, match=r"can't be read: Is a directory"):
        read_key(None, tmp_path)


@pytest.mark.parametrize(
    "content", [f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"Authorization: {KEY}", f"{KEY}é", f"{KEY}\x00", KEY * 300]
)
def test_what_no_header_may_hold_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content, encoding="utf-8")
    for refused in (lambda: read_key(None, file), lambda: read_key(content, None)):
        with pytest.raises(ConfigurationError, match="holds no key") as caught:
            refused()
        assert KEY not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_key_is_told_apart(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"WEATHER_KNMI_API_KEY_FILE \(.*key\) is empty"):
        read_key(None, file)
    with pytest.raises(ConfigurationError, match="WEATHER_KNMI_API_KEY is empty"):
        check_key(content, "WEATHER_KNMI_API_KEY")


def test_bytes_that_are_no_text_are_no_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe" + KEY.encode())
    with pytest.raises(ConfigurationError, match="holds no key"):
        read_key(None, file)
