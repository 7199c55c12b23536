"""A check in the step that makes its asset, where another asset of that step reads it: told once, whatever happens."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from tests.integration.lineage.test_ticks import Site
from weather_pipeline.lineage import EmissionPolicy


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def reader_of_a_sibling(reader: str) -> Any:
    metadata = {"openlineage/namespace": "a space", "openlineage/name": "x"} if reader == "unsendable" else {}

    @dg.multi_asset(
        specs=[
            dg.AssetSpec("raw"),
            dg.AssetSpec("clean", deps=["raw"], skippable=True, metadata=metadata),
        ],
        check_specs=[dg.AssetCheckSpec("whole", asset="raw")],
    )
    def both() -> Iterator[Any]:
        yield dg.MaterializeResult("raw")
        if reader == "done before":
            yield dg.MaterializeResult("clean")
        yield dg.AssetCheckResult(asset_key="raw", check_name="whole", passed=False)
        if reader == "fails":
            raise ValueError("boom")
        if reader not in ("skipped", "done before"):
            yield dg.MaterializeResult("clean")

    return both


@pytest.mark.parametrize(
    ("reader", "told_by"),
    [
        ("told", ["clean_dagster"]),
        ("done before", ["clean_dagster"]),
        ("fails", ["clean_dagster"]),
        ("skipped", ["raw.checks_dagster"]),
        ("excluded", ["raw.checks_dagster"]),
        ("unsendable", ["raw.checks_dagster"]),
    ],
)
def test_a_check_is_an_assertion_where_its_reader_is_told_and_a_test_elsewhere(
    instance: dg.DagsterInstance, reader: str, told_by: list[str]
) -> None:
    policy = EmissionPolicy(exclude_assets=["clean"] if reader == "excluded" else [])
    site = Site(instance, reader_of_a_sibling(reader), policy=policy)
    site.run()
    site.tick(2)
    assert [
        body["job"]["name"]
        for body in (message.body() for message in site.backend.accepted)
        if body["eventType"] != "START"
        and ("test" in body["run"]["facets"] or any("inputFacets" in each for each in body.get("inputs", ())))
        and "assets.job" not in body["job"]["name"]
    ] == told_by
