"""How a job's program ends."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.spark.program import program


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of this test, in which Spark has no configuration."""
    names = ("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_LOCAL_IP", "SPARK_MASTER", "PYSPARK_SUBMIT_ARGS", "MASTER")
    found = {name: value for name, value in os.environ.items() if name not in names}
    monkeypatch.setattr(os, "environ", found)
    return found


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "127.0.0.1"),
        ({"SPARK_MASTER": "local[2]"}, "127.0.0.1"),
        ({"SPARK_LOCAL_IP": "192.0.2.7"}, "192.0.2.7"),
        ({"SPARK_MASTER": "spark://host:7077"}, None),
        ({"SPARK_CONF_DIR": "/etc/spark"}, None),
        ({"PYSPARK_SUBMIT_ARGS": "--master yarn pyspark-shell"}, None),
        ({"WEATHER_PORT_OFFSET": "no number"}, None),
    ],
)
def test_spark_s_page_is_for_this_machine_where_no_other_takes_part(
    environment: dict[str, str], given: dict[str, str], address: str | None
) -> None:
    environment.update(given)
    with program():
        assert environment.get("SPARK_LOCAL_IP") == address


def test_an_error_of_ours_is_said_without_a_stack() -> None:
    with pytest.raises(SystemExit) as caught, program():
        raise ConfigurationError("ICEBERG_TABLE is 'x'.")
    assert caught.value.code == "Error: ICEBERG_TABLE is 'x'."


def test_of_any_other_the_last_line_says_the_cause_and_the_hook_gets_the_stack(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught, program():
        raise ValueError("the table is gone")
    lines = capsys.readouterr().err.splitlines()
    assert caught.value.code == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "Error: ValueError: the table is gone"


def interrupted() -> None:
    raise KeyboardInterrupt


def interrupted_and_disconnected() -> None:
    try:
        raise KeyboardInterrupt
    finally:
        raise ConnectionError("Answer from Java side is empty")


@pytest.mark.parametrize("end", [interrupted, interrupted_and_disconnected])
def test_ctrl_c_shows_no_stack(end: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, program():
        end()
    assert (caught.value.code, capsys.readouterr().err) == (130, "Interrupted.\n")


def interrupted_and_then_broken() -> None:
    try:
        raise KeyboardInterrupt
    finally:
        raise ConfigurationError("The disk is full.")


def test_another_error_after_ctrl_c_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, program():
        interrupted_and_then_broken()
    assert (caught.value.code, capsys.readouterr().err) == ("Error: The disk is full.", "")


def test_py4j_logs_no_stack_of_ctrl_c(caplog: pytest.LogCaptureFixture) -> None:
    with program():
        try:
            interrupted_and_disconnected()
        except ConnectionError:
            logging.getLogger().exception("While sending command.")
            logging.getLogger("py4j.clientserver").exception("While shutting down.")
        logging.getLogger().error("Another.")
    assert caplog.messages == ["Another."]


def test_what_succeeds_just_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with program():
        pass
    assert capsys.readouterr().err == ""
