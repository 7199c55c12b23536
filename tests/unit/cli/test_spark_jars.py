"""`weather spark jars`: what it says. The jars are those that the lock names, and lie there already."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from weather_pipeline.cli import FAILED, main, weather
from weather_pipeline.cli.spark.jars import report
from weather_pipeline.stack.jars import Jar


def test_the_report_names_every_file(tmp_path: Path) -> None:
    jar = Jar("org.example", "lib", "1.2", "0" * 64)
    file = tmp_path / jar.name
    file.write_bytes(b"12345")
    assert json.loads(json.dumps(report([jar], [file], tmp_path, fetched=1))) == {
        "directory": str(tmp_path),
        "fetched": 1,
        "class_path": str(file),
        "jars": [{"coordinates": "org.example:lib:1.2", "file": str(file), "bytes": 5, "sha256": "0" * 64}],
    }


def test_two_kinds_of_output_exclude_each_other() -> None:
    result = CliRunner().invoke(weather, ["spark", "jars", "--json", "--class-path"])
    assert result.exit_code == click.UsageError.exit_code


def test_help_has_examples() -> None:
    result = CliRunner().invoke(weather, ["spark", "jars", "--help"])
    assert "Example" in result.output
    assert "--s3" in result.output


def test_no_network_is_one_message_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("JGO_CONFIG_FILE", str(tmp_path / "jgo.conf"))
    with pytest.raises(SystemExit) as end:
        main(["spark", "jars", "--home", str(tmp_path)])
    assert end.value.code == FAILED
    error = capsys.readouterr().err
    assert "could not be fetched" in error
    assert f"put the file into {tmp_path / 'jars' / 'spark'}" in error
    assert "Traceback" not in error
