"""What a policy keeps in shows in nothing that is told of other assets and of Dagster runs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from tests.integration.lineage.test_ticks import Site
from weather_pipeline.lineage import EmissionPolicy
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.explain import explain_run, find_run


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dg.asset
def salaries() -> None:
    raise ValueError("Grace earns 7")


@dg.asset
def orders() -> None: ...


@dg.asset(deps=[orders])
def report() -> None: ...


@dg.op
def look(context: dg.OpExecutionContext) -> None:
    context.log_event(dg.AssetObservation("orders", metadata={"dagster/row_count": 7}))
    context.log_event(dg.AssetMaterialization("orders"))


@dg.job
def hushed() -> None:
    look()


def bodies(site: Site) -> list[dict[str, Any]]:
    return [message.body() for message in site.backend.accepted]


def failure_of_job(site: Site) -> dict[str, Any]:
    (found,) = [
        body for body in bodies(site) if body["eventType"] == "FAIL" and body["job"]["name"] == "assets.job_dagster"
    ]
    return found["run"]["facets"]["errorMessage"]


def test_a_dagster_run_does_not_say_what_a_hidden_asset_raised(instance: dg.DagsterInstance) -> None:
    site = Site(instance, salaries, orders, policy=EmissionPolicy(exclude_assets=["salaries"]))
    (run_id,) = site.run()
    site.tick(2)
    assert failure_of_job(site)["message"] == "1 step failed."
    assert "stackTrace" not in failure_of_job(site)
    assert "Grace" not in json.dumps(bodies(site))
    assert "salaries" not in json.dumps(bodies(site))
    builder = EventBuilder(RepositoryCatalog(site.repository, instance), site.options)
    explained = explain_run(instance, find_run(instance, run_id), builder, site.options, datetime.now(UTC))
    withheld = [(each.where, each.reason) for event in explained.events for each in event.message.withheld]
    reason = "the policy keeps in what these steps work on: salaries"
    assert withheld == [("run.facets.errorMessage:withheld", reason)]


def test_a_dagster_run_says_what_other_assets_raised(instance: dg.DagsterInstance) -> None:
    site = Site(instance, salaries, orders, policy=EmissionPolicy(exclude_assets=["orders"]))
    site.run()
    site.tick(2)
    assert failure_of_job(site)["message"] == "ValueError: Grace earns 7"


def test_an_observation_in_a_job_that_stays_is_not_told(instance: dg.DagsterInstance) -> None:
    site = Site(instance, orders, policy=EmissionPolicy(exclude_jobs=["hushed"]))
    hushed.execute_in_process(instance=instance)
    site.tick(2)
    assert site.backend.accepted == []


def test_an_observation_in_a_job_that_leaves_is_told(instance: dg.DagsterInstance) -> None:
    site = Site(instance, orders, policy=EmissionPolicy(include_jobs=["hushed"]))
    hushed.execute_in_process(instance=instance)
    site.tick(2)
    assert [body["dataset"]["name"] for body in bodies(site) if "dataset" in body] == ["orders"]


def test_a_run_of_a_job_that_stays_is_not_named_as_the_producer(instance: dg.DagsterInstance) -> None:
    site = Site(instance, orders, report, policy=EmissionPolicy(exclude_jobs=["hushed"]))
    producer = hushed.execute_in_process(instance=instance).run_id
    dg.materialize([report], instance=instance)
    site.tick(2)
    (end,) = [
        body for body in bodies(site) if body["job"]["name"] == "report_dagster" and body["eventType"] == "COMPLETE"
    ]
    assert [each["name"] for each in end["inputs"]] == ["orders"], "the dataset itself may be named"
    assert "producedBy" not in end["inputs"][0]["inputFacets"]["dagster_input"]
    assert "jobDependencies" not in end["run"]["facets"]
    assert producer not in json.dumps(bodies(site))
    open_site = Site(instance, orders, report)
    open_site.tick(2)
    assert producer in json.dumps(
        [body for body in bodies(open_site) if body.get("job", {}).get("name") == "report_dagster"]
    )
