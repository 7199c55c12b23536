"""Dagster's metadata as plain Python values."""

import json
from typing import Any

import dagster as dg
import pytest

from weather_pipeline.lineage.translation import plain_all

VALUES = {
    "asset": dg.MetadataValue.asset(dg.AssetKey(["shop", "orders"])),
    "bool": dg.MetadataValue.bool(True),
    "column_lineage": dg.MetadataValue.column_lineage(
        dg.TableColumnLineage({"a": [dg.TableColumnDep(asset_key=dg.AssetKey("raw"), column_name="b")]})
    ),
    "dagster_run": dg.MetadataValue.dagster_run("a-run"),
    "float": dg.MetadataValue.float(1.5),
    "int": dg.MetadataValue.int(1),
    "job": dg.MetadataValue.job("nightly", "here"),
    "json": dg.MetadataValue.json({"a": [1]}),
    "md": dg.MetadataValue.md("*text*"),
    "notebook": dg.MetadataValue.notebook("/book.ipynb"),
    "null": dg.MetadataValue.null(),
    "path": dg.MetadataValue.path("/data"),
    "python_artifact": dg.MetadataValue.python_artifact(json.dumps),
    "table": dg.MetadataValue.table(
        [dg.TableRecord({"a": 1})], dg.TableSchema(columns=[dg.TableColumn("a", "integer")])
    ),
    "table_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns=[dg.TableColumn("a")])),
    "text": dg.MetadataValue.text("text"),
    "timestamp": dg.MetadataValue.timestamp(1.0),
    "url": dg.MetadataValue.url("https://example.org"),
}
SAY_NOTHING = {"null", "job", "python_artifact", "table"}
"""Kinds that lineage has no word for."""


@pytest.mark.parametrize("kind", VALUES)
def test_every_kind_of_value_is_read_and_costs_no_other(kind: str) -> None:
    read = plain_all({"before": dg.MetadataValue.int(1), kind: VALUES[kind], "after": dg.MetadataValue.int(2)})
    assert (read["before"], read["after"]) == (1, 2)
    assert json.dumps(read[kind]) if kind in read else kind in SAY_NOTHING


def test_an_asset_key_is_its_text() -> None:
    assert plain_all({"about": VALUES["asset"]}) == {"about": "shop/orders"}


def test_a_value_that_cannot_be_read_is_left_out() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    broken: Any = Broken()
    assert plain_all({"broken": broken, "fine": 1}) == {"fine": 1}
