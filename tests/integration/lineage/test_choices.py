"""What a user chooses about events: facets of their own, what stays in, a parent; on real runs."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from tests.collector import Collector
from tests.integration.lineage.conftest import Exporting
from tests.openlineage_spec import findings
from weather_pipeline.lineage import EmissionPolicy, FacetEntity, FacetKind
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.explain import explain_asset, explain_run, find_run
from weather_pipeline.lineage.identity import job_run_id
from weather_pipeline.lineage.publish import plan

SECRET = "hunter2secret"


@dg.asset(
    metadata={
        "dagster/uri": "s3://lake/plans",
        "dagster/column_schema": dg.TableSchema(
            columns=[dg.TableColumn("mail", "text", tags={"pii": ""}), dg.TableColumn("at", "struct<day: date>")]
        ),
    },
    tags={"confidential": ""},
)
def plans() -> None: ...


@dg.asset(
    deps=[plans],
    group_name="shop",
    kinds={"postgres", "table"},
    description="Orders; test key AKIAIOSFODNN7EXAMPLE.",
    metadata={
        "dagster/table_name": "db.public.orders",
        "openlineage/facets/job/acme_runbook": {"url": "https://wiki.example/orders"},
        "dagster/column_lineage": dg.TableColumnLineage({"total": [dg.TableColumnDep(dg.AssetKey("plans"), "price")]}),
    },
)
def orders() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": 3,
            "openlineage/sql": f"COPY t FROM 's3://x' CREDENTIALS 'aws_secret_access_key={SECRET}'",
            "openlineage/write_mode": "overwrite",
            "openlineage/cost": {"amount": 0.5, "currency": "EUR"},
            "openlineage/column_metrics": {"total": {"nullCount": 0, "min": 1.5}},
            "openlineage/symlinks": "not a list",
            "openlineage/facets/run/acme_ticket": {"id": 7, "api_token": SECRET},
            "openlineage/facets/output/acme_files": {"files": ["a", "b"]},
        }
    )


@dg.asset(deps=[orders], group_name="shop")
def fails() -> None:
    raise RuntimeError(f"no connection to postgresql://shop:{SECRET}@db:5432/shop")


DEFINITIONS = dg.Definitions(assets=[plans, orders, fails])


def told(instance: dg.DagsterInstance, backend: Collector, **settings: Any) -> Exporting:
    exporting = Exporting(instance, DEFINITIONS, backend.url, table_authority="postgres://h:5432", **settings)
    exporting.run(raise_on_error=False, tags={"team": "a", "db_password": SECRET})
    exporting.tick()
    for event in backend.events:
        assert findings(event) == []
        assert SECRET not in json.dumps(event)
    return exporting


def test_metadata_becomes_facets_and_one_that_fails_costs_only_itself(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    told(instance, backend)
    start, end = backend.of("orders_dagster")
    run, job, output = end["run"]["facets"], end["job"]["facets"], end["outputs"][0]
    assert run["cost"]["amount"] == 0.5
    assert run["acme_ticket"] == {**run["acme_ticket"], "id": 7, "api_token": "***"}
    assert [tag["value"] for tag in run["tags"]["tags"]] == ["***", "a"]
    assert job["acme_runbook"]["url"] == "https://wiki.example/orders"
    assert job["documentation"]["description"] == "Orders; test key ***."
    assert job["sql"]["dialect"] == "postgresql"
    assert output["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "OVERWRITE"
    assert output["facets"]["dataQualityMetrics"]["columnMetrics"] == {"total": {"nullCount": 0, "min": 1.5}}
    assert [level["name"] for level in output["facets"]["hierarchy"]["hierarchy"]] == ["db", "public", "orders"]
    assert output["outputFacets"]["acme_files"]["files"] == ["a", "b"]
    (problem,) = run["extractionError"]["errors"]
    assert "openlineage/symlinks is 'not a list'" in problem["errorMessage"]
    assert problem["task"] == "outputs[postgres://h:5432/db.public.orders].facets.symlinks"
    assert "extractionError" not in start["run"]["facets"], "START says what was known at the start"
    schema = backend.of("plans_dagster")[1]["outputs"][0]["facets"]
    assert schema["schema"]["fields"][1]["fields"] == [{"name": "day", "type": "date"}]
    assert {"key": "pii", "value": "true", "source": "DAGSTER", "field": "mail"} in schema["tags"]["tags"]
    failed = backend.of("fails_dagster")[1]["run"]["facets"]["errorMessage"]
    assert "postgresql://***@db:5432/shop" in failed["message"]


def test_what_the_policy_keeps_in_is_named_nowhere(instance: dg.DagsterInstance, backend: Collector) -> None:
    policy = EmissionPolicy(exclude_tags=["confidential"], exclude_facets=["sql", "tags"])
    exporting = told(instance, backend, policy=policy)
    assert backend.of("plans_dagster") == []
    everything = json.dumps(backend.events)
    assert "s3://lake" not in everything
    assert "plans" not in everything
    end = backend.of("orders_dagster")[1]
    assert end["inputs"] == []
    assert not {"sql", "tags"} & (set(end["job"]["facets"]) | set(end["run"]["facets"]))
    assert backend.kinds("fails_dagster") == ["START", "FAIL"]
    repository = exporting.definitions.get_repository_def()
    catalog, options = RepositoryCatalog(repository, instance), exporting.sensor.options
    (record,) = instance.get_run_records()
    info = find_run(instance, record.dagster_run.run_id)
    explained = explain_run(instance, info, EventBuilder(catalog, options), options, datetime.now(UTC))
    assert [(each.about, each.reason) for each in explained.withheld] == [
        ("plans", "The policy keeps it in: tag excluded by 'confidential'.")
    ]
    of_asset = explain_asset(catalog, ("plans",), options, datetime.now(UTC))
    assert (of_asset.events, of_asset.withheld[0].about) == ((), "plans")
    assert plan(catalog, options, {}, now=datetime.now(UTC), everything=True).drafts[-1].messages == ()


def test_only_what_is_included_leaves(instance: dg.DagsterInstance, backend: Collector) -> None:
    told(instance, backend, policy=EmissionPolicy(include_groups=["shop"], exclude_assets=["fails"]))
    assert backend.kinds("orders_dagster") == ["START", "COMPLETE"]
    assert backend.of("plans_dagster") == backend.of("fails_dagster") == []


def test_a_hook_adds_facets_to_everything(instance: dg.DagsterInstance, backend: Collector) -> None:
    seen: list[FacetEntity] = []

    def hook(entity: FacetEntity) -> Mapping[str, Any]:
        seen.append(entity)
        return {"acme_where": {"kind": str(entity.kind), "asset": "/".join(entity.asset or ())}}

    told(instance, backend, facets_hook=hook)
    end = backend.of("orders_dagster")[1]
    read, written = end["inputs"][0], end["outputs"][0]
    assert end["run"]["facets"]["acme_where"]["kind"] == "run"
    assert end["job"]["facets"]["acme_where"]["asset"] == "orders"
    assert read["inputFacets"]["acme_where"] == {**read["inputFacets"]["acme_where"], "kind": "input", "asset": "plans"}
    assert written["facets"]["acme_where"]["kind"] == "dataset"
    assert written["outputFacets"]["acme_where"]["kind"] == "output"
    told_of = next(each for each in seen if each.kind is FacetKind.OUTPUT and each.metadata)
    assert told_of.dataset is not None
    assert (told_of.dataset.name, told_of.metadata["dagster/row_count"]) == ("db.public.orders", 3)


def test_a_hook_that_raises_loses_no_event_and_shows_in_the_tick_log(
    instance: dg.DagsterInstance, backend: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    def hook(entity: FacetEntity) -> Mapping[str, Any]:
        raise ValueError(f"broken hook, token={SECRET}")

    told(instance, backend, facets_hook=hook)
    assert backend.kinds("orders_dagster") == ["START", "COMPLETE"]
    errors = backend.of("orders_dagster")[1]["run"]["facets"]["extractionError"]["errors"]
    assert "ValueError: broken hook, token=***" in {error["errorMessage"] for error in errors}
    log = capfd.readouterr().err
    assert log.count("facets_hook: ValueError: broken hook, token=***") == 1


def test_the_dagster_run_as_parent(instance: dg.DagsterInstance, backend: Collector) -> None:
    told(instance, backend, parent_facet="run")
    (record,) = instance.get_run_records()
    run_id = job_run_id(record.dagster_run.run_id, record.create_timestamp)
    own = [event for event in backend.events if event["run"]["runId"] == run_id]
    assert all("parent" not in event["run"]["facets"] for event in own)
    (name,) = {event["job"]["name"] for event in own}
    for event in [*backend.of("orders_dagster"), *backend.of("fails_dagster")]:
        parent = event["run"]["facets"]["parent"]
        assert parent["run"]["runId"] == parent["root"]["run"]["runId"] == run_id
        assert parent["job"] == {"namespace": "tests", "name": name}


def test_configuration_and_environment_leave_by_name(
    instance: dg.DagsterInstance, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset(config_schema={"limit": int, "password": str})
    def limited() -> None: ...

    monkeypatch.setenv("ACME_REGION", "eu-west-1")
    monkeypatch.setenv("ACME_OTHER", "x")
    policy = EmissionPolicy(run_config=["ops.limited.config.*"], environment=["ACME_REGION", "ACME_MISSING"])
    exporting = Exporting(instance, dg.Definitions(assets=[limited]), backend.url, policy=policy)
    exporting.run(run_config={"ops": {"limited": {"config": {"limit": 5, "password": SECRET}}}})
    exporting.tick()
    facets = backend.of("limited_dagster")[1]["run"]["facets"]
    assert facets["executionParameters"]["parameters"] == [
        {"key": "ops.limited.config.limit", "value": "5"},
        {"key": "ops.limited.config.password", "value": "***"},
    ]
    assert facets["environmentVariables"]["environmentVariables"] == [{"name": "ACME_REGION", "value": "eu-west-1"}]
