"""Any metadata gives an event that is valid by every schema, or a facet less and the reason; never a lost event."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import dagster as dg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.openlineage_spec import findings
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.limits import size_of
from weather_pipeline.lineage.model import (
    AssetRun,
    CheckResult,
    Materialization,
    RunInfo,
    RunState,
)
from weather_pipeline.lineage.naming import InvalidName
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.policy import EmissionPolicy
from weather_pipeline.lineage.translation import plain_all

AT = datetime(2026, 11, 21, tzinfo=UTC)
RUN = RunInfo("2d8d6b9e-2f5c-4a63-8f0c-0c1f3a1f3d55", "job", AT, {"team": "a"})

SCALARS = st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=12)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(["TABLE", "overwrite", "rename", "streaming", "EUR", "x"])
NAMED = st.fixed_dictionaries({}, optional={"namespace": st.text(max_size=6) | JSON, "name": JSON, "type": JSON})
COLUMNS = st.dictionaries(
    st.text(max_size=5),
    st.fixed_dictionaries({}, optional={"nullCount": JSON, "min": JSON, "quantiles": JSON}),
    max_size=3,
)
ODD: dict[str, Any] = {
    "openlineage/symlinks": st.lists(NAMED, max_size=3) | JSON,
    "openlineage/dataset_type": WORDS | JSON,
    "openlineage/storage": st.fixed_dictionaries({}, optional={"storageLayer": JSON, "fileFormat": JSON}) | JSON,
    "openlineage/catalog": st.fixed_dictionaries(
        {"framework": JSON, "type": JSON, "name": JSON}, optional={"catalogProperties": JSON}
    )
    | JSON,
    "openlineage/hierarchy": st.lists(NAMED, max_size=3) | JSON,
    "openlineage/write_mode": WORDS | JSON | st.fixed_dictionaries({"mode": WORDS, "previous": NAMED}),
    "openlineage/column_metrics": COLUMNS | JSON,
    "openlineage/transformations": st.fixed_dictionaries({"a": st.fixed_dictionaries({"type": JSON}) | JSON}) | JSON,
    "openlineage/processing_type": WORDS | JSON,
    "openlineage/sql": JSON,
    "openlineage/sql_dialect": JSON,
    "openlineage/version": JSON,
    "openlineage/locations": JSON,
    "openlineage/external_query": st.fixed_dictionaries({}, optional={"externalQueryId": JSON, "source": JSON}) | JSON,
    "openlineage/cost": st.fixed_dictionaries(
        {"amount": JSON, "currency": WORDS}, optional={"estimated": JSON, "items": JSON}
    )
    | JSON,
    "openlineage/size_bytes": JSON,
    "openlineage/row_count": JSON,
    "dagster/row_count": JSON,
    "dagster/code_references": st.lists(st.text(max_size=20), max_size=2),
    "dagster/column_schema": st.just(dg.TableSchema([dg.TableColumn("a", "struct<b:int>", tags={"pii": ""})])),
    "dagster/column_lineage": st.just(dg.TableColumnLineage({"a": [dg.TableColumnDep(dg.AssetKey("other"), "x")]})),
    "openlineage/facets/run/acme": JSON,
    "openlineage/facets/job/documentation": JSON,
    "openlineage/facets/output/bad key": JSON,
    "openlineage/facets/dataset/schema": JSON,
    "openlineage/facets/dataset/symlinks": st.fixed_dictionaries({"identifiers": st.lists(NAMED, max_size=2)}),
    "openlineage/facets/dataset/dataSource": st.fixed_dictionaries({"name": JSON, "uri": st.text(max_size=8)}),
    "openlineage/facets/dataset/columnLineage": st.fixed_dictionaries(
        {"fields": st.fixed_dictionaries({"a": st.fixed_dictionaries({"inputFields": st.lists(NAMED, max_size=2)})})}
    ),
    "openlineage/facets/output/subset": st.fixed_dictionaries({}, optional={"outputCondition": JSON}),
    "openlineage/facets/run/parent": st.fixed_dictionaries({"run": JSON, "job": NAMED}),
    "openlineage/facets/run/nominalTime": st.fixed_dictionaries({"nominalStartTime": JSON}),
    "openlineage/facets/run/tags": st.fixed_dictionaries({"tags": JSON}),
    "dagster/uri": st.text(max_size=20),
}
METADATA = st.fixed_dictionaries({}, optional=ODD)
CHECKS = st.builds(
    CheckResult,
    st.just(("a",)),
    st.just("check"),
    passed=st.booleans(),
    severity=st.sampled_from(["WARN", "ERROR"]),
    at=st.just(AT),
    step=st.just("a"),
    metadata=st.dictionaries(
        st.sampled_from(["openlineage/expected", "openlineage/content", "openlineage/column", "rows"]), JSON, max_size=4
    ),
)


@cache
def catalog() -> RepositoryCatalog:
    """One for all examples: what they have in common is an asset of which nothing is known."""
    return RepositoryCatalog(None, dg.DagsterInstance.ephemeral())


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(METADATA, st.lists(CHECKS, max_size=2), st.sampled_from([2000, 128 * 1024]))
def test_metadata_of_any_form_costs_no_event(metadata: dict[str, Any], checks: list[CheckResult], limit: int) -> None:
    builder = EventBuilder(catalog(), Options("tests", policy=EmissionPolicy(max_facet_bytes=limit)))
    made = Materialization(("a",), AT, "a", partition="p", metadata=plain_all(metadata))
    run = AssetRun(RUN, ("a",), AT, RunState.COMPLETE, AT, (made,), tuple(checks), partitions=("p",))
    try:
        messages = list(builder.asset_events(run))
    except InvalidName:
        return
    assert len(messages) == 2
    for message in messages:
        body = message.body()
        assert findings(body) == []
        assert {said.where for said in message.statements}.isdisjoint(
            each.where for each in message.withheld if each.failed
        )
        for facet in body["outputs"][0]["facets"].values() if body["outputs"] else ():
            assert size_of(facet) <= limit
