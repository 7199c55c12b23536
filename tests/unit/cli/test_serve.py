"""`weather lineage serve` and `web`: what they refuse before they start anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from weather_pipeline.cli import FAILED, main


def run(*arguments: str, command: str = "serve") -> int | str | None:
    with pytest.raises(SystemExit) as end:
        main(["lineage", command, *arguments])
    return end.value.code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], ["On 0.0.0.0 other machines", "WEATHER_LINEAGE_TOKEN_FILE", "--insecure"]),
        (["--port", "0"], ["--port"]),
        (["--port", "70000"], ["--port"]),
        (["--port", "web"], ["--port"]),
        (["--database-url", ""], ["'--database-url': it is empty"]),
        (["--database-url", " "], ["'--database-url': it is empty"]),
        (["--host", ""], ["'--host': it is empty"]),
    ],
)
def test_wrong_usage(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words)


@pytest.mark.parametrize("option", ["--host", "--marquez-url", "--dagster-url"])
def test_the_page_takes_no_empty_address(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(option, "", command="web") == 2
    assert f"'{option}': it is empty" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "web"])
@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_s_is_named_before_it_is_judged_who_reaches_it(
    command: str, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEATHER_HOME", str(tmp_path / "home"))
    assert run("--host", host, command=command) == FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert f"can't listen on {host}: " in line
    assert "Check --host: it takes an address of this machine" in line
    assert "--port" not in line
    assert not (tmp_path / "home").exists()


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


def test_its_help_says_what_depth_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    help_text = " ".join(capsys.readouterr().out.split())
    steps = "`depth` of the graph (GET /api/v1/lineage) counts steps from job to job"
    assert f"{steps}: 20 where it is not given, 0 to 1000" in help_text
