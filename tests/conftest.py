"""Fixtures that every test may use: real servers, started by the tests themselves."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.collector import Collector
from tests.quick_sqlite import be_quick
from weather_pipeline.stack.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from weather_pipeline.stack.kafka import KafkaBroker

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Recorded bodies and schemas that are not part of the product; tests that need them skip where they are absent."""


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C even where a script started the tests in the background: what they start would ignore it too.

    And hear every lineage backend: what the tests of the conformance matrix deliver is judged wherever they run.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    be_quick()
    if (SHARED / "lineage" / "spec").exists():
        from tests.conformance.plugin import Conformance

        conformance = Conformance()
        config.pluginmanager.register(conformance, "conformance")
        Collector.listeners.append(conformance.hear)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may depend on the caller's settings."""
    for name in os.environ:
        if name.startswith(("WEATHER_", "OPENLINEAGE", "MARQUEZ_", "DAGSTER_")) or name == "SPARK_MASTER":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One real PostgreSQL for the whole session."""
    directory = tmp_path_factory.mktemp("postgres")
    options = {"fsync": "off", "max_connections": "200"}
    server = EmbeddedPostgres(directory / "server", log_file=directory / "postgres.log", options=options)
    try:
        server.start()
        yield server
    finally:
        server.destroy()


@pytest.fixture(scope="session")
def _database_numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def new_database(postgres: EmbeddedPostgres, _database_numbers: Iterator[int]) -> Callable[[], str]:
    """A function that makes an empty database and returns its URL."""
    return lambda: postgres.ensure_database(f"test_{next(_database_numbers)}")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """One real Kafka for the whole session; a test that stops it starts it again."""
    from tests.kafka import kafka_broker

    broker = kafka_broker(tmp_path_factory.mktemp("kafka"), request.config.cache.mkdir("jars"))
    try:
        broker.start()
        yield broker
    finally:
        broker.destroy()
