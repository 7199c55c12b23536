"""An op of a graph logs a materialization of the asset that another op of it was to write."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from tests.integration.lineage.test_ticks import Site


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dg.op
def logs(context: dg.OpExecutionContext) -> int:
    context.log_event(dg.AssetMaterialization("table", metadata={"dagster/uri": "s3://lake/table"}))
    return 1


@pytest.mark.parametrize("writes", [True, False])
def test_it_is_told(instance: dg.DagsterInstance, writes: bool) -> None:
    @dg.op(out=dg.Out(is_required=False))
    def ends(found: int) -> Iterator[Any]:
        if writes:
            yield dg.Output(found)

    @dg.graph_asset
    def table() -> Any:
        return ends(logs())

    site = Site(instance, table)
    site.run()
    site.tick(2)
    bodies = [message.body() for message in site.backend.accepted]
    of_asset = [body for body in bodies if body.get("job", {}).get("name") == "table_dagster"]
    assert [body["eventType"] for body in of_asset] == ["START", "COMPLETE"]
    datasets = [(body["dataset"]["namespace"], body["dataset"]["name"]) for body in bodies if "dataset" in body]
    assert datasets == ([("s3://lake", "table")] if writes else [])
    written = {each["namespace"] for body in of_asset for each in body["outputs"]}
    assert writes or written == {"s3://lake"}
