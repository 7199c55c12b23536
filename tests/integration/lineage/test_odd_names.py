"""Names with spaces, backslashes, other alphabets and paths, and very long ones: valid events, or a clear refusal."""

from typing import Any

import dagster as dg
import pytest

from tests.collector import Collector
from tests.integration.lineage.conftest import Exporting
from tests.openlineage_spec import findings
from weather_pipeline.lineage import naming
from weather_pipeline.lineage.deadletters import all_letters

pytestmark = pytest.mark.integration

PLACES = {
    "/data/my orders.csv": ("file", "/data/my orders.csv", "file:///data/my%20orders.csv"),
    "lake/orders 100%": ("file", "lake/orders 100%", "file:lake/orders%20100%25"),
    r"C:\my data\orders.csv": ("file", "/C:/my data/orders.csv", "file:///C:/my%20data/orders.csv"),
    r"\\server\share\my orders": ("file://server", "/share/my orders", "file://server/share/my%20orders"),
    "s3://lake/bestellungen größer/日本": (
        "s3://lake",
        "bestellungen größer/日本",
        "s3://lake/bestellungen%20gr%C3%B6%C3%9Fer/%E6%97%A5%E6%9C%AC",
    ),
    "s3://lake/[a]{b}|c^d`e": ("s3://lake", "[a]{b}|c^d`e", "s3://lake/%5Ba%5D%7Bb%7D%7Cc%5Ed%60e"),
    "postgresql://h/db/public/my table": (
        "postgres://h:5432",
        "db.public.my table",
        "postgresql://h/db/public/my%20table",
    ),
    f"s3://lake/{'x' * naming.LONGEST_NAME}": (
        "s3://lake",
        "x" * naming.LONGEST_NAME,
        f"s3://lake/{'x' * naming.LONGEST_NAME}",
    ),
}
"""`dagster/uri` → namespace and name, and the address of its source."""

KEYS = {
    ("my orders",): "my orders",
    ("shop.eu", "a/b"): "shop.eu/a\\/b",
    ("größe", "日本"): "größe/日本",
    ("back\\slash",): "back\\\\slash",
    ("x" * 500,): "x" * 500,
}
"""Asset key → the name of the dataset that nothing else names. On PostgreSQL Dagster takes keys up to about 500."""

REFUSED = ["s3://two words/x", "s3://größe/x", "s3://lake/%00", f"s3://lake/{'x' * (naming.LONGEST_NAME + 1)}"]
"""`dagster/uri` of which no backend should hear."""

BAD_FACETS: dict[str, Any] = {
    "openlineage/symlinks": [{"namespace": "two words", "name": "x"}],
    "openlineage/write_mode": {"mode": "rename", "previous": {"namespace": "größe", "name": "x"}},
    "openlineage/facets/run/parent": {
        "run": {"runId": "0193f1a2-aaaa-7bbb-8ccc-1234567890ab"},
        "job": {"namespace": "two words", "name": "x"},
    },
}


def materialize(instance: dg.DagsterInstance, backend: Collector, specs: list[dg.AssetSpec]) -> None:
    @dg.multi_asset(specs=specs)
    def everything() -> Any:
        for spec in specs:
            yield dg.MaterializeResult(spec.key)

    exporting = Exporting(instance, dg.Definitions(assets=[everything]), backend.url)
    exporting.run()
    exporting.tick()


def outputs(backend: Collector) -> dict[tuple[str, str], dict[str, Any]]:
    completes = [event for event in backend.events if event.get("eventType") == "COMPLETE"]
    return {(each["namespace"], each["name"]): each for event in completes for each in event["outputs"]}


def test_places_of_any_form_are_named_and_have_an_address(instance: dg.DagsterInstance, backend: Collector) -> None:
    specs = [dg.AssetSpec(f"asset_{number}", metadata={"dagster/uri": uri}) for number, uri in enumerate(PLACES)]
    materialize(instance, backend, specs)
    told = {name: each["facets"]["dataSource"]["uri"] for name, each in outputs(backend).items()}
    assert told == {(namespace, name): uri for namespace, name, uri in PLACES.values()}
    assert [finding for event in backend.events for finding in findings(event)] == []
    assert not all_letters(instance)


def test_asset_keys_of_any_form_are_names(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.op
    def writes(context: dg.OpExecutionContext) -> None:
        for key in KEYS:
            context.log_event(dg.AssetMaterialization(list(key)))

    @dg.job
    def elsewhere() -> None:
        writes()

    elsewhere.execute_in_process(instance=instance)
    Exporting(instance, dg.Definitions(), backend.url).tick()
    assert set(outputs(backend)) == {("dagster", name) for name in KEYS.values()}
    assert [finding for event in backend.events for finding in findings(event)] == []
    assert not all_letters(instance)


def test_a_name_that_would_harm_a_backend_is_refused_and_holds_nobody_up(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    specs = [dg.AssetSpec(f"asset_{number}", metadata={"dagster/uri": uri}) for number, uri in enumerate(REFUSED)]
    materialize(instance, backend, [dg.AssetSpec("good"), *specs])
    assert set(outputs(backend)) == {("dagster", "good")}
    letters = [letter.reason for letter in all_letters(instance)]
    assert len(letters) >= len(REFUSED)
    for says in ("two words", "größe", "control characters", "2001 bytes"):
        assert any(says in letter for letter in letters), letters


def test_a_name_in_a_facet_that_would_harm_a_backend_costs_that_facet(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    materialize(instance, backend, [dg.AssetSpec("orders", metadata=BAD_FACETS)])
    complete = backend.of("orders_dagster")[-1]
    assert {"symlinks", "lifecycleStateChange"}.isdisjoint(complete["outputs"][0]["facets"])
    assert "parent" not in complete["run"]["facets"]
    errors = [error["errorMessage"] for error in complete["run"]["facets"]["extractionError"]["errors"]]
    assert sum("two words" in error for error in errors) == 2
    assert any("größe" in error for error in errors)
    assert [finding for event in backend.events for finding in findings(event)] == []
