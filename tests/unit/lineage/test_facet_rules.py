"""Each facet's rule, and that what it gives is valid by OpenLineage's schema of that facet."""

from datetime import UTC, datetime
from typing import Any

import pytest
from openlineage.client import facet_v2 as ol_facets
from openlineage.client.event_v2 import RunState

from tests.openlineage_spec import findings
from weather_pipeline.lineage.facets import custom, datasets, jobs, quality, runs
from weather_pipeline.lineage.facets.base import LeftOut, Sourced, Unusable, present
from weather_pipeline.lineage.facets.hook import FacetEntity, FacetKind
from weather_pipeline.lineage.facets.types import nested_fields
from weather_pipeline.lineage.messages import DatasetDescription, JobDescription, RunDescription, run_message
from weather_pipeline.lineage.model import (
    AssetInfo,
    CheckResult,
    DatasetRef,
    Materialization,
    Origin,
    RunInfo,
    Source,
)

AT = datetime(2026, 11, 21, tzinfo=UTC)
RUN_ID = "0193f1a2-aaaa-7bbb-8ccc-1234567890ab"
TABLE = DatasetRef("postgres://h:5432", "db.public.t")
FILES = DatasetRef("s3://lake", "raw/t")
NOBODY = AssetInfo(("t",))


def said(**metadata: Any) -> Source:
    return Source(Origin.METADATA, {key.replace("__", "/"): value for key, value in metadata.items()})


def ol(**metadata: Any) -> Source:
    return said(**{f"openlineage__{key}": value for key, value in metadata.items()})


def sent(section: str, key: str, sourced: Sourced | None) -> dict[str, Any]:
    """The facet as it is sent, in an event that is valid by every schema."""
    assert sourced is not None
    facets = present(**{key: sourced})
    dataset = DatasetDescription(TABLE, Origin.DEFINITION, facets if section == "dataset" else {})
    message = run_message(
        "end",
        RunState.COMPLETE,
        AT,
        run=RunDescription(RUN_ID, facets if section == "run" else {}),
        job=JobDescription("tests", "job", facets if section == "job" else {}),
        inputs=[DatasetDescription(FILES, Origin.LOG, {}, facets)] if section == "input" else [],
        outputs=[dataset, DatasetDescription(FILES, Origin.LOG, {}, facets if section == "output" else {})],
    )
    body = message.body()
    assert findings(body) == []
    places = {
        "run": lambda: body["run"]["facets"],
        "job": lambda: body["job"]["facets"],
        "dataset": lambda: body["outputs"][0]["facets"],
        "input": lambda: body["inputs"][0]["inputFacets"],
        "output": lambda: body["outputs"][1]["outputFacets"],
    }
    facet = places[section]()[key]
    assert facet["_producer"].startswith("https://")
    return {name: value for name, value in facet.items() if not name.startswith("_")}


def test_schema_has_places_and_nested_fields() -> None:
    columns = [
        {"name": "id", "type": "bigint", "description": "Which."},
        {"name": "place", "type": "struct<lat: double, tags: array<struct<k: string>>>"},
    ]
    assert sent("dataset", "schema", datasets.schema(said(dagster__column_schema={"columns": columns})))["fields"] == [
        {"name": "id", "type": "bigint", "description": "Which.", "ordinal_position": 1},
        {
            "name": "place",
            "type": "struct<lat: double, tags: array<struct<k: string>>>",
            "ordinal_position": 2,
            "fields": [
                {"name": "lat", "type": "double"},
                {
                    "name": "tags",
                    "type": "array<struct<k: string>>",
                    "fields": [{"name": "k", "type": "string"}],
                },
            ],
        },
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("STRUCT(a INTEGER, b DECIMAL(10, 2))", ["a", "b"]),
        ("ROW(a integer, b row(c varchar))", ["a", "b"]),
        ('struct("a b" INT)[]', ["a b"]),
        ("ARRAY<STRUCT<a INT64>>", ["a"]),
        ("struct<a:int,b:map<string,int>>", ["a", "b"]),
        ("varchar(20)", []),
        ("struct<broken", []),
        ("struct<>", []),
        ("struct<" * 50 + ">" * 50, []),
        ("a," * 60_000, []),
    ],
)
def test_types_that_hold_fields(text: str, names: list[str]) -> None:
    assert [field.name for field in nested_fields(text)] == names


def test_column_lineage_says_how_a_column_is_made() -> None:
    source = said(
        dagster__column_lineage={"total": [(("raw",), "price"), (("hidden",), "x")], "gone": [(("hidden",), "y")]},
        openlineage__transformations={"total": {"type": "DIRECT", "subtype": "AGGREGATION"}},
    )
    assert sent(
        "dataset", "columnLineage", datasets.column_lineage(lambda path: FILES if path == ("raw",) else None, source)
    )["fields"] == {
        "total": {
            "inputFields": [
                {
                    "namespace": "s3://lake",
                    "name": "raw/t",
                    "field": "price",
                    "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION"}],
                }
            ]
        }
    }


def test_descriptions_are_markdown() -> None:
    info = AssetInfo(("t",), description="# T", owners=("team:a", "ada@example.org"))
    for section, module in (("job", jobs), ("dataset", datasets)):
        described = sent(section, "documentation", module.documentation(info))
        assert described == {"description": "# T", "contentType": "text/markdown"}
        owners = sent(section, "ownership", module.ownership(info))["owners"]
        assert [owner["name"] for owner in owners] == ["team:a", "ada@example.org"]


def test_tags_of_assets_and_of_columns() -> None:
    info = AssetInfo(("t",), tags={"layer": "gold", "pii": ""}, kinds=("table",), group="shop")
    columns = {"columns": [{"name": "mail", "type": "text", "tags": {"pii": ""}}, {"name": "id", "type": "int"}]}
    own = [("layer", "gold"), ("pii", "true"), ("kind", "table"), ("group", "shop")]
    of_job = sent("job", "tags", jobs.tags(info))["tags"]
    assert [(tag["key"], tag["value"]) for tag in of_job] == own
    of_dataset = sent("dataset", "tags", datasets.tags(info, said(dagster__column_schema=columns)))["tags"]
    assert [(tag["key"], tag["value"], tag.get("field")) for tag in of_dataset] == [
        *((*pair, None) for pair in own),
        ("pii", "true", "mail"),
    ]
    run = RunInfo("r", "j", AT, {"dagster/backfill": "x", ".dagster/repository": "y", "team": "a", "user": "ada"})
    assert [tag["key"] for tag in sent("run", "tags", runs.tags(run))["tags"]] == ["team", "user"]
    assert runs.tags(RunInfo("r", "j", AT, {"dagster/backfill": "x"})) is None


@pytest.mark.parametrize(
    ("url", "where"),
    [
        (
            f"https://github.com/org/repo/blob/{'a' * 40}/src/x.py#L12",
            {"repoUrl": "https://github.com/org/repo", "version": "a" * 40, "path": "src/x.py"},
        ),
        (
            "https://user:pw@gitlab.example/group/sub/repo/-/tree/main/src/x.py#L12",
            {"repoUrl": "https://gitlab.example/group/sub/repo", "branch": "main", "path": "src/x.py"},
        ),
        ("https://wiki.example/page#L12", {}),
    ],
)
def test_where_the_source_code_is(url: str, where: dict[str, str]) -> None:
    info = AssetInfo(("t",), metadata={"dagster/code_references": ["/local.py:1", url]})
    found = sent("job", "sourceCodeLocation", jobs.source_code_location(info))
    assert found.pop("url") == url.replace("user:pw@", "")
    assert found == {"type": "git", **where}


def test_sql_and_its_dialect() -> None:
    assert sent("job", "sql", jobs.sql(TABLE, ol(sql="SELECT 1"))) == {"query": "SELECT 1", "dialect": "postgresql"}
    assert sent("job", "sql", jobs.sql(FILES, said(dagster__query="SELECT 1"))) == {"query": "SELECT 1"}
    snow = said(dagster__query="SELECT 1", dagster__storage_kind="snowflake")
    assert sent("job", "sql", jobs.sql(None, snow))["dialect"] == "snowflake"
    assert jobs.sql(TABLE, said()) is None


def test_job_types() -> None:
    kind = sent("job", "jobType", jobs.job_type("ASSET", ol(processing_type="streaming")))
    assert (kind["processingType"], kind["jobType"], kind["emissionPattern"]["eventTrigger"]) == (
        "STREAMING",
        "ASSET",
        "EVENT_BASED",
    )
    with pytest.raises(Unusable, match="BATCH"):
        jobs.job_type("ASSET", ol(processing_type="SOMETIMES"))
    lineage = sent("job", "lineage", jobs.lineage(TABLE))
    assert lineage["entries"][0]["inputs"][0]["name"] == "db.public.t"


@pytest.mark.parametrize(
    ("ref", "info", "source", "kind"),
    [
        (TABLE, NOBODY, said(), {"datasetType": "TABLE"}),
        (FILES, NOBODY, said(), {"datasetType": "FILE"}),
        (DatasetRef("kafka://h:9092", "t"), NOBODY, said(), {"datasetType": "TOPIC"}),
        (TABLE, AssetInfo(("t",), kinds=("view",)), said(), {"datasetType": "VIEW"}),
        (TABLE, NOBODY, said(dagster_dbt__materialization_type="view"), {"datasetType": "VIEW"}),
        (TABLE, NOBODY, ol(dataset_type="model"), {"datasetType": "MODEL"}),
        (
            TABLE,
            NOBODY,
            ol(dataset_type={"datasetType": "TABLE", "subType": "TEMPORARY"}),
            {"datasetType": "TABLE", "subType": "TEMPORARY"},
        ),
    ],
)
def test_dataset_types(ref: DatasetRef, info: AssetInfo, source: Source, kind: dict[str, str]) -> None:
    assert sent("dataset", "datasetType", datasets.dataset_type(ref, info, source)) == kind


def test_a_dataset_of_no_known_type_has_none() -> None:
    assert datasets.dataset_type(DatasetRef("https://h", "x"), NOBODY) is None


def test_storage_and_catalog() -> None:
    iceberg = AssetInfo(("t",), kinds=("iceberg", "parquet"))
    assert sent("dataset", "storage", datasets.storage(FILES, iceberg)) == {
        "storageLayer": "iceberg",
        "fileFormat": "parquet",
    }
    csv = AssetInfo(("t",), kinds=("csv",))
    assert sent("dataset", "storage", datasets.storage(FILES, csv)) == {"storageLayer": "s3", "fileFormat": "csv"}
    assert datasets.storage(TABLE, NOBODY) is None
    assert sent("dataset", "storage", datasets.storage(TABLE, NOBODY, ol(storage={"storageLayer": "delta"})))
    catalog = {"framework": "iceberg", "type": "rest", "name": "demo", "metadataUri": "http://u:p@catalog:8181"}
    found = sent("dataset", "catalog", datasets.catalog(ol(catalog=catalog)))
    assert found == {**catalog, "metadataUri": "http://***@catalog:8181"}


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("/data/my file.csv", "file:///data/my%20file.csv"),
        ("data/100%.csv", "file:data/100%25.csv"),
        (r"C:\my data\t.csv", "file:///C:/my%20data/t.csv"),
        (r"\\server\share\a b", "file://server/share/a%20b"),
        ("s3://lake/größe", "s3://lake/gr%C3%B6%C3%9Fe"),
        ("s3://lake/a%20b", "s3://lake/a%20b"),
        ("s3://lake/[x]|{y}", "s3://lake/%5Bx%5D%7C%7By%7D"),
        ("postgresql://user:pw@h:1/db/t?password=x", "postgresql://h:1/db/t"),
        ("jdbc:postgresql://user:pw@h/db/s/my table", "jdbc:postgresql://h/db/s/my%20table"),
        ("kafka://one:9092,two:9092/topic", "kafka://one:9092/topic"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://[broken", "http://%5Bbroken"),
    ],
)
def test_a_data_source_has_an_address_whatever_was_written(place: str, address: str) -> None:
    facet = sent("dataset", "dataSource", datasets.data_source(FILES, said(dagster__uri=place)))
    assert facet == {"name": "s3://lake", "uri": address}


@pytest.mark.parametrize(
    ("namespace", "name", "address"),
    [
        ("file", "/data/my file.csv", "file:///data/my%20file.csv"),
        ("file", "lake/t", "file:lake/t"),
        ("dagster", "shop/a\\/b", "dagster:shop/a%5C/b"),
        ("s3://lake", "50%/ä", "s3://lake/50%25/%C3%A4"),
        ("my_space", "t", "dagster:my_space/t"),
        ("postgres://h:db", "t", "postgres://h%3Adb/t"),
    ],
)
def test_a_data_source_has_an_address_by_its_names(namespace: str, name: str, address: str) -> None:
    facet = sent("dataset", "dataSource", datasets.data_source(DatasetRef(namespace, name)))
    assert facet == {"name": namespace, "uri": address}


def test_hierarchy_and_symlinks() -> None:
    levels = sent("dataset", "hierarchy", datasets.hierarchy(TABLE))["hierarchy"]
    assert [(level["type"], level["name"]) for level in levels] == [
        ("DATABASE", "db"),
        ("SCHEMA", "public"),
        ("TABLE", "t"),
    ]
    assert datasets.hierarchy(FILES) is None
    assert datasets.hierarchy(DatasetRef("postgres://h:1", "t")) is None
    told = sent("dataset", "hierarchy", datasets.hierarchy(FILES, ol(hierarchy=[{"type": "LAKE", "name": "x"}])))
    assert told["hierarchy"] == [{"type": "LAKE", "name": "x"}]
    others = [
        {"namespace": "file://u:p@h", "name": "/x", "type": "LOCATION"},
        {"namespace": "s3://lake", "name": "raw/t"},
    ]
    links = sent("dataset", "symlinks", datasets.symlinks(FILES, ol(symlinks=others)))
    assert links["identifiers"] == [{"namespace": "file://h", "name": "/x", "type": "LOCATION"}]
    for namespace, name in (("two words", "x"), ("größe", "x"), ("s3://lake", " "), ("s3://lake", "x" * 2001)):
        with pytest.raises(Unusable, match="openlineage/symlinks"):
            datasets.symlinks(FILES, ol(symlinks=[{"namespace": namespace, "name": name}]))


@pytest.mark.parametrize(
    ("kind", "key", "body", "says"),
    [
        ("dataset", "symlinks", {"identifiers": [{"namespace": "a b", "name": "x", "type": "TABLE"}]}, "'a b'"),
        ("dataset", "symlinks", {"identifiers": [{"namespace": "a"}]}, "lacks name, type"),
        ("dataset", "symlinks", {"identifiers": "x"}, "a list is needed"),
        ("dataset", "dataSource", {"name": "a", "uri": "s3://a b"}, "a URI"),
        ("dataset", "dataSource", {"name": "a"}, "lacks name or uri"),
        (
            "dataset",
            "lifecycleStateChange",
            {"lifecycleStateChange": "RENAME", "previousIdentifier": {"namespace": "é", "name": "x"}},
            "'é'",
        ),
        ("dataset", "lifecycleStateChange", {"lifecycleStateChange": "SMASH"}, "'SMASH'"),
        (
            "dataset",
            "columnLineage",
            {"fields": {"a": {"inputFields": [{"namespace": "x", "name": "", "field": "f"}]}}},
            "blank",
        ),
        ("run", "parent", {"run": {"runId": RUN_ID}, "job": {"namespace": "a b", "name": "x"}}, "'a b'"),
        ("run", "parent", {"run": {"runId": "7"}, "job": {"namespace": "a", "name": "x"}}, "a UUID"),
        ("run", "parent", {"run": {"runId": RUN_ID}, "job": {"namespace": "a", "name": ""}}, "blank"),
        ("run", "nominalTime", {"nominalStartTime": "yesterday"}, "a time"),
        ("run", "acme", {"_producer": "me"}, "_producer"),
        ("run", "acme", {"_schemaURL": "https://x y"}, "_schemaURL"),
    ],
)
def test_a_given_facet_that_would_harm_a_backend_stays(kind: str, key: str, body: Any, says: str) -> None:
    source = said(**{f"openlineage__facets__{kind}__{key}": body})
    (found,) = custom.from_metadata(FacetKind(kind), source).values()
    assert isinstance(found, LeftOut)
    assert found.failed
    assert says in found.reason
    assert found.stack is None, "it is the user's mistake, and said so"


def test_a_hooks_facet_is_looked_at_as_well() -> None:
    kind = ol_facets.symlinks_dataset
    good = kind.SymlinksDatasetFacet([kind.Identifier("s3://lake", "x", "TABLE")])
    bad = kind.SymlinksDatasetFacet([kind.Identifier("two words", "x", "TABLE")])
    entity = FacetEntity(FacetKind.DATASET)
    (facet,) = custom.from_hook(lambda _: {"symlinks": good}, entity).values()
    assert isinstance(facet, Sourced)
    assert facet.facet["identifiers"] == [{"namespace": "s3://lake", "name": "x", "type": "TABLE"}]
    (left_out,) = custom.from_hook(lambda _: {"symlinks": bad}, entity).values()
    assert isinstance(left_out, LeftOut)
    assert "two words" in left_out.reason


def test_what_writing_does_to_a_dataset() -> None:
    assert sent("dataset", "lifecycleStateChange", datasets.lifecycle_state_change(ol(write_mode="overwrite"))) == {
        "lifecycleStateChange": "OVERWRITE"
    }
    renamed = {"mode": "rename", "previous": {"namespace": "s3://lake", "name": "old"}}
    change = sent("dataset", "lifecycleStateChange", datasets.lifecycle_state_change(ol(write_mode=renamed)))
    assert change["previousIdentifier"]["name"] == "old"
    assert datasets.lifecycle_state_change(ol(write_mode="append")) is None
    with pytest.raises(Unusable, match="overwrite"):
        datasets.lifecycle_state_change(ol(write_mode="smash"))


def test_a_version_of_the_users_own() -> None:
    assert sent("dataset", "version", datasets.version("abc", ol(version=7)))["datasetVersion"] == "7"
    assert sent("dataset", "version", datasets.version("abc"))["datasetVersion"] == "abc"


def test_metrics_of_what_was_written_and_read() -> None:
    columns = {"wind": {"nullCount": 1, "distinctCount": 5, "min": 0.5, "max": 9, "quantiles": {"0.5": 3.0}}, "x": {}}
    source = said(dagster__row_count=9, openlineage__column_metrics=columns, openlineage__size_bytes=10)
    found = sent("dataset", "dataQualityMetrics", quality.metrics(source))
    assert (found["rowCount"], found["bytes"], found["columnMetrics"]["wind"]["max"]) == (9, 10, 9)
    read = ol(input_metrics={"shop/raw": {"rowCount": 3, "columnMetrics": {"a": {"nullCount": 0}}}})
    assert sent("input", "dataQualityMetrics", quality.input_metrics("shop/raw", read))["rowCount"] == 3
    assert quality.input_metrics("shop/other", read) is None
    read = ol(input_statistics={"raw": {"rowCount": 3, "size": 10, "fileCount": 1}})
    assert sent("input", "inputStatistics", quality.input_statistics("raw", read)) == {
        "rowCount": 3,
        "size": 10,
        "fileCount": 1,
    }


@pytest.mark.parametrize(
    "columns",
    [
        "x",
        {"a": 1},
        {"a": {"min": "low"}},
        {"a": {"nullCount": -1}},
        {"a": {"odd": 1}},
        {"a": {"max": float("nan")}},
    ],
)
def test_metrics_of_another_form_are_refused(columns: object) -> None:
    with pytest.raises(Unusable, match=r"openlineage/column_metrics|nullCount"):
        quality.metrics(ol(column_metrics=columns))


def test_checks_say_what_they_expected() -> None:
    metadata = {
        "openlineage/expected": 10,
        "openlineage/actual": 9,
        "openlineage/column": "wind",
        "openlineage/assertion": "row_count",
        "openlineage/content": "SELECT 1",
        "openlineage/content_type": "sql",
        "rows_failed": 1,
    }
    check = CheckResult(
        ("t",), "enough", passed=False, severity="WARN", at=AT, step=None, partition="p", metadata=metadata
    )
    common = {
        "name": "enough",
        "severity": "warn",
        "expected": "10",
        "actual": "9",
        "content": "SELECT 1",
        "contentType": "sql",
        "params": {"rows_failed": 1, "partition": "p"},
    }
    assertions = sent("input", "dataQualityAssertions", quality.assertions([check]))["assertions"]
    assert assertions == [{**common, "assertion": "row_count", "success": False, "column": "wind"}]
    assert sent("run", "test", quality.test_run([check]))["tests"] == [
        {**common, "status": "fail", "type": "row_count"}
    ]


def test_the_part_that_was_written() -> None:
    tags = {"dagster/partition/day": "2026-11-21", "dagster/partition/place": "nl"}
    made = [Materialization(("t",), AT, "t", partition="2026-11-21|nl", tags=tags)] * 2
    assert sent("output", "subset", quality.subset_written(made))["outputCondition"] == {
        "type": "partition",
        "partitions": [{"identifier": "2026-11-21|nl", "dimensions": {"day": "2026-11-21", "place": "nl"}}],
    }
    files = Materialization(("t",), AT, "t", metadata={"openlineage/locations": ["s3://lake/raw/t/1.parquet"]})
    condition = sent("output", "subset", quality.subset_written([files]))["outputCondition"]
    assert condition == {"type": "location", "locations": ["s3://lake/raw/t/1.parquet"]}
    assert quality.subset_written([Materialization(("t",), AT, "t")]) is None


def test_the_time_a_schedule_meant() -> None:
    run = RunInfo("r", "j", AT, {".dagster/scheduled_execution_time": "2026-11-21T10:00:00+01:00"})
    assert sent("run", "nominalTime", runs.nominal_time(None, run)) == {
        "nominalStartTime": "2026-11-21T09:00:00.000000Z"
    }
    window = (AT, AT.replace(hour=1))
    assert sent("run", "nominalTime", runs.nominal_time(window, run))["nominalEndTime"] == "2026-11-21T01:00:00.000000Z"


def test_configuration_leaves_only_by_name() -> None:
    config = {"ops": {"load": {"config": {"limit": 5, "days": [1, 2], "password": "hunter2"}}}}
    run = RunInfo("r", "j", AT, config=config)
    assert runs.execution_parameters(run, ()) is None
    assert runs.execution_parameters(run, ["nothing.*"]) is None
    found = sent("run", "executionParameters", runs.execution_parameters(run, ["ops.*.config.*"]))["parameters"]
    assert found == [
        {"key": "ops.load.config.limit", "value": "5"},
        {"key": "ops.load.config.days", "value": "[1, 2]"},
        {"key": "ops.load.config.password", "value": "***"},
    ]


def test_environment_and_query() -> None:
    assert runs.environment_variables({}) is None
    found = sent("run", "environmentVariables", runs.environment_variables({"REGION": "eu", "DB_PASSWORD": "x"}))
    assert [(each["name"], each["value"]) for each in found["environmentVariables"]] == [
        ("DB_PASSWORD", "***"),
        ("REGION", "eu"),
    ]
    query = {"externalQueryId": "bq-1", "source": "bigquery"}
    assert sent("run", "externalQuery", runs.external_query(ol(external_query=query))) == query


def test_cost() -> None:
    cost = {
        "amount": 1.5,
        "currency": "EUR",
        "estimated": True,
        "items": [{"name": "compute", "amount": 1.5, "quantity": 3, "unit": "h"}],
    }
    assert sent("run", "cost", runs.cost(ol(cost=cost))) == cost
    for wrong in (
        5,
        {"amount": 1},
        {"amount": "1", "currency": "EUR"},
        {**cost, "currency": "euro"},
        {**cost, "items": [{}]},
    ):
        with pytest.raises(Unusable, match="openlineage/cost"):
            runs.cost(ol(cost=wrong))


def test_a_parent_is_its_own_root() -> None:
    parent = sent("run", "parent", runs.parent(RUN_ID, "tests", "nightly.job"))
    assert parent["run"] == parent["root"]["run"] == {"runId": RUN_ID}
    assert parent["job"] == parent["root"]["job"] == {"namespace": "tests", "name": "nightly.job"}


def test_a_facet_that_fails_costs_only_itself() -> None:
    def broken() -> Sourced:
        raise RuntimeError("boom with password=hunter2")

    facets = present(a=broken, sql=lambda: jobs.sql(None, ol(sql="SELECT 1")), cost=lambda: runs.cost(ol(cost=1)))
    failed, refused = facets["a"], facets["cost"]
    assert isinstance(failed, LeftOut)
    assert isinstance(refused, LeftOut)
    assert (failed.failed, failed.reason) == (True, "RuntimeError: boom with password=***")
    assert refused.stack is None
    assert isinstance(facets["sql"], Sourced)
