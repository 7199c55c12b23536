"""A backfill whose questions are interrupted, or answered with an error, on a real Dagster with tiny assets."""

from __future__ import annotations

import os
import signal

import pytest

from tests.integration.stack.between import between
from tests.integration.stack.conftest import Site
from weather_pipeline.cli import backfill_follow
from weather_pipeline.cli.progress import Progress
from weather_pipeline.stack.dagster_api import DagsterApi

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick_daemon")]

ASSETS = ["first", "second"]
HOURS = ["2026-01-02-00:00", "2026-01-02-01:00"]


def nothing() -> None:
    """The stack is up."""


def interrupt(_: bytes) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def database_away(_: bytes) -> bytes:
    return b'{"data": null, "errors": [{"message": "the database system is starting up"}]}'


def test_a_backfill_survives_errors_and_ctrl_c_at_its_launch(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    site.up()
    progress = Progress()
    backfill_id = backfill_follow.launch(site.api, ASSETS, HOURS, progress, nothing)
    address = f"http://127.0.0.1:{3000 + site.offset}"
    with between(address, "partitionBackfillOrError", database_away) as url:
        done = backfill_follow.follow(DagsterApi(url), backfill_id, len(HOURS), progress, nothing)
    assert done.status == "COMPLETED_SUCCESS"

    with between(address, "launchPartitionBackfill", interrupt) as url, pytest.raises(KeyboardInterrupt):
        backfill_follow.launch(DagsterApi(url), ASSETS, HOURS, progress, nothing)
    (launched,) = set(all_backfills(site.api)) - {backfill_id}
    assert site.api.backfill(launched).status == "CANCELED"
    assert f"Backfill {launched} is cancelled: 0 of 2 hours are loaded." in capfd.readouterr().err


def all_backfills(api: DagsterApi) -> list[str]:
    """All backfills that there are."""
    query = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id } } } }"
    return [found["id"] for found in api._query(query)["partitionBackfillsOrError"]["results"]]
