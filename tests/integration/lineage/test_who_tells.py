"""Which code location's sensor tells a run, and what of a run that none launched."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from tests.integration.lineage.test_ticks import Site, whole
from weather_pipeline.lineage import dagster_internals
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.explain import explain_run
from weather_pipeline.lineage.history import Span, runs_in, tell


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dg.asset(metadata={"dagster/uri": "s3://shop/orders"})
def orders() -> None: ...


@dg.asset(deps=[orders], metadata={"dagster/uri": "s3://reports/report"})
def report() -> None: ...


orders_of_others = dg.AssetSpec("orders", metadata={"dagster/uri": "s3://stub/orders"})


@dg.asset_check(asset="orders")
def looked_at_by_reports() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.op
def log_unknown(context: dg.OpExecutionContext) -> None:
    context.log_event(dg.AssetMaterialization("loose"))


@dg.job
def nightly() -> None:
    log_unknown()


def shop(instance: dg.DagsterInstance) -> Site:
    return Site(instance, orders, location="shop", jobs=[nightly])


def reports(instance: dg.DagsterInstance) -> Site:
    return Site(instance, report, orders_of_others, looked_at_by_reports, location="reports")


def jobs_told(site: Site) -> set[str]:
    return {message.body()["job"]["name"] for message in site.backend.accepted}


def outputs_told(site: Site) -> set[str]:
    return {each["namespace"] for message in site.backend.accepted for each in message.body().get("outputs", ())}


def test_of_a_run_that_no_location_launched_each_tells_its_own_assets(instance: dg.DagsterInstance) -> None:
    dg.materialize([orders, report], instance=instance)
    ours, theirs = shop(instance), reports(instance)
    ours.tick(2)
    theirs.tick(2)
    assert jobs_told(ours) == {"orders_dagster", "assets.job_dagster"}
    assert outputs_told(ours) == {"s3://shop"}
    assert jobs_told(theirs) == {"report_dagster", "assets.job_dagster"}
    assert outputs_told(theirs) == {"s3://reports"}


def test_a_location_without_a_part_in_a_run_tells_nothing_of_it_and_closes_it(instance: dg.DagsterInstance) -> None:
    dg.materialize([orders], instance=instance)
    theirs = reports(instance)
    theirs.tick(2, minutes=1)
    assert theirs.backend.accepted == []
    assert theirs.progress.open == {}


def test_a_check_is_told_where_it_is_defined(instance: dg.DagsterInstance) -> None:
    dg.materialize([orders, looked_at_by_reports], instance=instance)
    ours, theirs = shop(instance), reports(instance)
    ours.tick(2)
    theirs.tick(2)
    assert jobs_told(ours) == {"orders_dagster", "assets.job_dagster"}
    assert jobs_told(theirs) == {"orders.checks_dagster", "assets.job_dagster"}


def test_a_job_and_what_its_ops_log_are_told_where_the_job_is_defined(instance: dg.DagsterInstance) -> None:
    nightly.execute_in_process(instance=instance)
    ours, theirs = shop(instance), reports(instance)
    ours.tick(2)
    theirs.tick(2)
    assert ours.backend.told() == {"loose_dagster": whole()}
    assert "nightly.job_dagster" in jobs_told(ours)
    assert theirs.backend.accepted == []


def test_verify_replay_and_explain_follow_the_same_rule(instance: dg.DagsterInstance) -> None:
    dg.materialize([orders, report], instance=instance)
    now = datetime.now(UTC)
    for site in (shop(instance), reports(instance)):
        builder = builder_of(site)
        (info,) = runs_in(instance, Span(now - timedelta(days=1), now + timedelta(days=1)), late=timedelta(0))
        site.tick(2)
        sent = [message.body() for message in site.backend.accepted]
        assert [message.body() for message in tell(instance, info, builder, site.options, now).story.messages] == sent
        explained = explain_run(instance, info, builder, site.options, now)
        assert [each.message.body() for each in explained.events] == sent
        assert [each.about for each in explained.withheld] == ["report" if "shop" in str(site.scope) else "orders"]


def test_a_repository_beside_the_own_one_tells_its_runs_itself(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    dg.materialize([orders], instance=instance)

    def located(_: Any) -> dagster_internals.Location:
        return dagster_internals.Location("shop", "another")

    monkeypatch.setattr(dagster_internals, "location_of_run", located)
    site = shop(instance)
    site.tick(2)
    assert site.backend.accepted == []
    assert site.progress.open == {}
    (info,) = runs_in(instance, Span(datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)), late=timedelta(0))
    explained = explain_run(instance, info, builder_of(site), site.options, datetime.now(UTC))
    assert explained.events == ()
    assert [each.reason for each in explained.withheld] == [
        "The sensor of code location 'shop' (repository 'another') tells it."
    ]


def builder_of(site: Site) -> EventBuilder:
    return EventBuilder(RepositoryCatalog(site.repository, site.instance), site.options, site.scope)


def test_an_output_of_another_location_that_was_skipped_is_not_told(instance: dg.DagsterInstance) -> None:
    @dg.asset(output_required=False)
    def theirs() -> Iterator[Any]:
        yield from ()

    dg.materialize([theirs], instance=instance)
    site = Site(instance, orders)
    site.tick(2)
    assert site.backend.told() == {}
