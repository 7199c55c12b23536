"""`weather lineage serve`: what it refuses before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.cli import FAILED, main


def run(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        main(["lineage", "serve", *arguments])
    return end.value.code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], ["On 0.0.0.0 other machines", "WEATHER_LINEAGE_TOKEN_FILE", "--insecure"]),
        (["--port", "0"], ["--port"]),
        (["--port", "70000"], ["--port"]),
        (["--port", "web"], ["--port"]),
    ],
)
def test_wrong_usage(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words)


def test_an_address_that_is_no_database_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--database-url", "postgresql://me:hush%zz@h/d", "--home", str(tmp_path / "home")) == 2
    shown = "".join(capsys.readouterr())
    assert "--database-url can't be used: it should be postgresql://user:password@host:port/database" in shown
    assert "hush" not in shown


def test_a_token_that_can_t_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEATHER_LINEAGE_TOKEN_FILE", str(tmp_path / "missing"))
    assert run("--host", "0.0.0.0") == FAILED
    assert f"{tmp_path / 'missing'} can't be read: No such file" in capsys.readouterr().err
