import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.openlineage_spec import OURS
from weather_pipeline.lineage.facets import base, datasets, jobs, quality, runs
from weather_pipeline.lineage.facets.base import Sourced
from weather_pipeline.lineage.model import AssetInfo, DatasetRef, Origin, RunInfo, Source, StepError
from weather_pipeline.lineage.redaction import redacted

RUN = RunInfo("run-1", "weather_hourly", datetime(2026, 11, 21, tzinfo=UTC))


def facet(sourced: Sourced | None) -> Any:
    assert sourced is not None
    return sourced.facet


def defined(**metadata: Any) -> Source:
    return Source(Origin.DEFINITION, metadata)


@pytest.mark.parametrize(
    ("tags", "cause", "name"),
    [
        ({}, "manual", None),
        ({"user": "ada"}, "manual", "ada"),
        ({"dagster/schedule_name": "hourly"}, "schedule", "hourly"),
        ({"dagster/sensor_name": "s"}, "sensor", "s"),
        ({"dagster/backfill": "b", "dagster/schedule_name": "hourly"}, "backfill", "b"),
        ({"dagster/from_automation_condition": "true", "dagster/sensor_name": "s"}, "automation", "s"),
        ({"dagster/from_automation_condition": "true"}, "automation", None),
    ],
)
def test_the_launch_cause_is_read_from_tags(tags: dict[str, str], cause: str, name: str | None) -> None:
    run = RunInfo(RUN.run_id, RUN.job_name, RUN.created_at, tags)
    said = facet(runs.dagster_run(run, dagster_url=None))
    assert (said.launchedBy, said.launchedByName) == (cause, name)


def test_our_schema_names_every_field_of_our_facet() -> None:
    schema = json.loads((OURS / "DagsterRunFacet.json").read_text())
    properties = schema["$defs"]["DagsterRunFacet"]["allOf"][1]["properties"]
    ours = {name for name in runs.DagsterRunFacet.__annotations__ if not name.startswith("_")}
    assert set(properties) == ours
    assert runs.DAGSTER_RUN_SCHEMA.startswith(schema["$id"])


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("could not reach postgresql://user:pa:ss@db:5432/x", "could not reach postgresql://***@db:5432/x"),
        ("https://token@host/path", "https://***@host/path"),
        ("mail ada@example.org about https://example.org", "mail ada@example.org about https://example.org"),
    ],
)
def test_passwords_in_urls_never_leave(text: str, safe: str) -> None:
    assert redacted(text) == safe
    error = facet(runs.error_message(StepError("E", text, stack=text)))
    assert (error.message, error.stackTrace) == (safe, safe)


def test_a_long_stack_is_shortened_visibly() -> None:
    error = facet(runs.error_message(StepError("E", "m", stack="x" * 100_000)))
    assert error.stackTrace is not None
    assert error.stackTrace.endswith("characters left out")
    assert len(error.stackTrace) < 70_000


def test_every_dataset_has_a_source_with_a_uri() -> None:
    assert facet(datasets.data_source(DatasetRef("s3://b", "/k"))).uri == "s3://b/k"
    assert facet(datasets.data_source(DatasetRef("file", "lake/x"))).uri == "file:lake/x"
    sources = defined(), Source(Origin.METADATA, {"dagster/uri": "https://u:p@h/x?token=1"})
    known = facet(datasets.data_source(DatasetRef("file", "lake/x"), *sources))
    assert (known.name, known.uri) == ("file", "https://h/x")


def test_rows_of_partitions_are_summed_and_repeated_metadata_is_not() -> None:
    by_partition = [{"dagster/partition_row_count": 3, "openlineage/size_bytes": 10}] * 2
    summed = facet(quality.output_statistics(by_partition))
    assert (summed.rowCount, summed.size) == (6, 20)
    repeated = facet(quality.output_statistics([{"dagster/row_count": 3}] * 2))
    assert repeated.rowCount == 3
    appended = facet(quality.output_statistics([{"dagster/row_count": 300, "openlineage/row_count": 0}]))
    assert appended.rowCount == 0
    assert quality.output_statistics([]) is None
    assert quality.output_statistics([{"other": 1}]) is None


def test_facets_without_knowledge_are_absent() -> None:
    nothing = AssetInfo(("a",))
    assert jobs.documentation(nothing) is None
    assert jobs.ownership(nothing) is None
    assert jobs.tags(nothing) is None
    assert datasets.schema(defined()) is None
    assert datasets.column_lineage(lambda path: DatasetRef("n", "x"), defined()) is None
    assert runs.nominal_time(None) is None
    assert runs.error_message(None) is None
    assert datasets.version("INITIAL") is None
    assert base.present(a=None) == {}


def test_a_local_file_is_no_source_code_location() -> None:
    local = AssetInfo(("a",), metadata={"dagster/code_references": ["/home/me/assets.py:3"]})
    assert jobs.source_code_location(local) is None
    linked = AssetInfo(("a",), metadata={"dagster/code_references": ["/x.py:3", "https://git.example/x.py#L3"]})
    assert facet(jobs.source_code_location(linked)).url == "https://git.example/x.py#L3"


def test_a_text_of_megabytes_is_cut_before_it_is_searched() -> None:
    error = facet(runs.error_message(StepError("E", "password=hunter2 " * 600_000)))
    assert "hunter2" not in error.message
    assert "characters left out" in error.message
    assert len(error.message) < 17_000
