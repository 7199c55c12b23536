import json
from datetime import UTC, datetime

import pytest

from tests.openlineage_spec import OURS
from weather_pipeline.lineage import facets
from weather_pipeline.lineage.model import AssetInfo, DatasetRef, RunInfo, StepError

RUN = RunInfo("run-1", "weather_hourly", datetime(2026, 11, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("tags", "cause", "name"),
    [
        ({}, "manual", None),
        ({"user": "ada"}, "manual", "ada"),
        ({"dagster/schedule_name": "hourly"}, "schedule", "hourly"),
        ({"dagster/sensor_name": "s"}, "sensor", "s"),
        ({"dagster/backfill": "b", "dagster/schedule_name": "hourly"}, "backfill", "b"),
        ({"dagster/from_automation_condition": "true", "dagster/sensor_name": "s"}, "automation", "true"),
    ],
)
def test_the_launch_cause_is_read_from_tags(tags: dict[str, str], cause: str, name: str | None) -> None:
    run = RunInfo(RUN.run_id, RUN.job_name, RUN.created_at, tags)
    facet = facets.dagster_run(run, dagster_url=None)
    assert (facet.launchedBy, facet.launchedByName) == (cause, name)


def test_our_schema_names_every_field_of_our_facet() -> None:
    schema = json.loads((OURS / "DagsterRunFacet.json").read_text())
    properties = schema["$defs"]["DagsterRunFacet"]["allOf"][1]["properties"]
    ours = {name for name in facets.DagsterRunFacet.__annotations__ if not name.startswith("_")}
    assert set(properties) == ours
    assert facets.DAGSTER_RUN_SCHEMA.startswith(schema["$id"])


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("could not reach postgresql://user:pa:ss@db:5432/x", "could not reach postgresql://***@db:5432/x"),
        ("https://token@host/path", "https://***@host/path"),
        ("mail ada@example.org about https://example.org", "mail ada@example.org about https://example.org"),
    ],
)
def test_passwords_in_urls_never_leave(text: str, safe: str) -> None:
    assert facets.redacted(text) == safe
    error = facets.error_message(StepError("E", text, stack=text))
    assert error is not None
    assert (error.message, error.stackTrace) == (safe, safe)


def test_a_long_stack_is_shortened_visibly() -> None:
    error = facets.error_message(StepError("E", "m", stack="x" * 100_000))
    assert error is not None
    assert error.stackTrace is not None
    assert error.stackTrace.endswith("characters left out")
    assert len(error.stackTrace) < 70_000


def test_every_dataset_has_a_source_with_a_uri() -> None:
    assert facets.data_source(DatasetRef("s3://b", "/k")).uri == "s3://b/k"
    assert facets.data_source(DatasetRef("file", "lake/x")).uri == "file:lake/x"
    known = facets.data_source(DatasetRef("file", "lake/x"), {}, {"dagster/uri": "https://u:p@h/x?token=1"})
    assert (known.name, known.uri) == ("file", "https://h/x")


def test_rows_of_partitions_are_summed_and_repeated_metadata_is_not() -> None:
    by_partition = [{"dagster/partition_row_count": 3, "openlineage/size_bytes": 10}] * 2
    summed = facets.output_statistics(by_partition)
    assert summed is not None
    assert (summed.rowCount, summed.size) == (6, 20)
    repeated = facets.output_statistics([{"dagster/row_count": 3}] * 2)
    assert repeated is not None
    assert repeated.rowCount == 3
    assert facets.output_statistics([]) is None
    assert facets.output_statistics([{"other": 1}]) is None


def test_facets_without_knowledge_are_absent() -> None:
    nothing = AssetInfo(("a",))
    assert facets.job_documentation(nothing) is None
    assert facets.job_ownership(nothing) is None
    assert facets.job_tags(nothing) is None
    assert facets.schema({}) is None
    assert facets.column_lineage(lambda path: DatasetRef("n", "x"), {}) is None
    assert facets.nominal_time(None) is None
    assert facets.error_message(None) is None
    assert facets.version("INITIAL") is None
    assert facets.present(a=None) == {}


def test_a_local_file_is_no_source_code_location() -> None:
    local = AssetInfo(("a",), metadata={"dagster/code_references": ["/home/me/assets.py:3"]})
    assert facets.source_code_location(local) is None
    linked = AssetInfo(("a",), metadata={"dagster/code_references": ["/x.py:3", "https://git.example/x.py#L3"]})
    facet = facets.source_code_location(linked)
    assert facet is not None
    assert facet.url == "https://git.example/x.py"
