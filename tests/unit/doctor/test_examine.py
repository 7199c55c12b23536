"""Checks side by side: none can keep the others from being heard."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.unit.doctor import command, troubles
from weather_pipeline.doctor.checks import HEAR_CLOCKS, NAMES
from weather_pipeline.doctor.clock_reading import ClockReading
from weather_pipeline.doctor.examine import examine
from weather_pipeline.doctor.finding import Status, ok
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings
from weather_pipeline.stack.status import NOT_RUNNING, StackStatus

PASSWORD = "h@rd/to:guess"


def surroundings(unreadable: ConfigurationError | None = None) -> Surroundings:
    return Surroundings(
        settings=Settings(database_url=SecretStr(f"postgresql://u:{PASSWORD}@h/d")),
        environment={},
        directory=Path("/"),
        user=Path("/"),
        stack=StackStatus(NOT_RUNNING, "/h"),
        command=command,
        unreadable=unreadable,
    )


def well(name: str, *readings: ClockReading, needs_settings: bool = True) -> Check:
    return Check(name, lambda _: Outcome([ok("x", name)], list(readings)), needs_settings=needs_settings)


def test_findings_come_in_the_order_of_the_checks() -> None:
    report = examine(surroundings(), ["a", "b"], checks=[well("a"), well("b"), well("c")])
    assert [finding.check for finding in report.findings] == ["a", "b"]
    assert report.healthy


def test_what_a_check_raises_is_a_finding_without_secrets() -> None:
    def fails(_: Surroundings) -> Outcome:
        raise ValueError(f"bad address postgresql://u:{PASSWORD}@h/d, password {PASSWORD}, http://me:other@x")

    report = examine(surroundings(), ["a", "b"], checks=[Check("a", fails), well("b")])
    assert troubles(list(report.findings)) == {"a": Status.PROBLEM}
    assert "ValueError: bad address" in report.findings[0].found
    assert "guess" not in str(report.findings)
    assert "other" not in str(report.findings)
    assert not report.healthy


@pytest.mark.parametrize(
    "name", [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
)
def test_no_secret_of_the_settings_is_in_what_a_check_raises(name: str) -> None:
    around = replace(surroundings(), settings=Settings(**{name: SecretStr("gu3ssm3not")}))  # pyright: ignore[reportArgumentType]
    assert around.without_secrets("it is gu3ssm3not") == "it is …"


def test_a_check_that_hangs_is_a_finding() -> None:
    released = threading.Event()

    def hangs(_: Surroundings) -> Outcome:
        released.wait()
        return Outcome([])

    try:
        report = examine(surroundings(), ["a", "b"], checks=[Check("a", hangs), well("b")], patience=0.2)
    finally:
        released.set()
    assert troubles(list(report.findings)) == {"a": Status.PROBLEM}
    assert report.findings[1].status is Status.OK


def test_checks_that_need_settings_wait_for_them() -> None:
    checks = [well("a"), well("b", needs_settings=False)]
    report = examine(surroundings(ConfigurationError("x")), ["a", "b"], checks=checks)
    assert [finding.status for finding in report.findings] == [Status.SKIPPED, Status.OK]


def test_one_check_alone_says_why_it_does_not_look() -> None:
    report = examine(surroundings(ConfigurationError("MARQUEZ_URL: no scheme")), ["backend"])
    assert [finding.check for finding in report.findings] == ["settings", "backend"]
    assert troubles(list(report.findings[:1])) == {"MARQUEZ_URL": Status.PROBLEM}
    assert not report.healthy


def test_the_clock_hears_checks_that_are_not_shown() -> None:
    heard = well(HEAR_CLOCKS[0], ClockReading("s", 5000, 1))
    report = examine(surroundings(), ["clock"], checks=[heard, well("a")])
    assert [finding.check for finding in report.findings] == ["clock"]
    assert troubles(list(report.findings)) == {"time": Status.PROBLEM}


def test_who_waits_is_told_for_what() -> None:
    seen: list[list[str]] = []
    examine(surroundings(), ["a", "b"], checks=[well("a"), well("b")], waiting=lambda names: seen.append(list(names)))
    assert seen[0] == ["a", "b"]
    assert len(seen[-1]) == 1


@pytest.mark.parametrize("name", HEAR_CLOCKS)
def test_every_name_is_a_check_s(name: str) -> None:
    assert name in NAMES
