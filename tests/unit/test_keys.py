"""A secret word from a value or a file: what is taken, what is refused, and that no message shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.keys import check_key, read_key

KEY = "eyJvcmciOiJtYWRlIHVwIn0="


def read(value: str | None, file: Path | None) -> str | None:
    return read_key(None if value is None else SecretStr(value), file, setting="WEATHER_X_KEY")


def test_the_key_is_a_value_or_what_a_file_holds_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert read(KEY, None) == read(f" {KEY} ", None) == read(None, file) == KEY
    assert read(None, None) is None


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"WEATHER_X_KEY_FILE: .*missing can't be read: No such file"):
        read(None, tmp_path / "missing")
    with pytest.raises(ConfigurationError, match=r"can't be read: Is a directory"):
        read(None, tmp_path)


@pytest.mark.parametrize(
    "content", [f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"Authorization: {KEY}", f"{KEY}é", f"{KEY}\x00", KEY * 300]
)
def test_what_no_key_may_hold_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content, encoding="utf-8")
    for refused in (lambda: read(None, file), lambda: read(content, None)):
        with pytest.raises(ConfigurationError, match="holds no key") as caught:
            refused()
        assert KEY not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_key_is_told_apart(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"WEATHER_X_KEY_FILE \(.*key\) is empty"):
        read(None, file)
    with pytest.raises(ConfigurationError, match="WEATHER_X_KEY is empty"):
        check_key(content, "WEATHER_X_KEY")


def test_bytes_that_are_no_text_are_no_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe" + KEY.encode())
    with pytest.raises(ConfigurationError, match="holds no key"):
        read(None, file)


def test_a_message_names_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"WEATHER_X_KEY is empty\. It must hold the token\."):
        check_key(" ", "WEATHER_X_KEY", "token")
    with pytest.raises(ConfigurationError, match=r"WEATHER_X_KEY holds no token: a token is one word"):
        check_key("two words", "WEATHER_X_KEY", "token")
