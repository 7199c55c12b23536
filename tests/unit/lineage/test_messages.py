"""What passes the gate: facets of every origin, without secrets, within limits; and what it says it withheld."""

from datetime import UTC, datetime
from typing import Any

import pytest
from openlineage.client import facet_v2 as ol
from openlineage.client.event_v2 import RunState

from tests.openlineage_spec import findings
from weather_pipeline.lineage.facets import custom, datasets, jobs
from weather_pipeline.lineage.facets.base import Facets, LeftOut, present
from weather_pipeline.lineage.facets.hook import FacetEntity, FacetKind
from weather_pipeline.lineage.limits import size_of
from weather_pipeline.lineage.messages import (
    DatasetDescription,
    JobDescription,
    Message,
    RunDescription,
    dataset_message,
    job_message,
    run_message,
)
from weather_pipeline.lineage.model import AssetInfo, DatasetRef, Origin, Source
from weather_pipeline.lineage.policy import EmissionPolicy

AT = datetime(2026, 11, 21, tzinfo=UTC)
RUN_ID = "0193f1a2-aaaa-7bbb-8ccc-1234567890ab"
TABLE = DatasetRef("postgres://h:5432", "db.public.t")


def told(
    run: Facets | None = None,
    *,
    job: Facets | None = None,
    inputs: list[DatasetDescription] | None = None,
    outputs: list[DatasetDescription] | None = None,
    policy: EmissionPolicy | None = None,
) -> Message:
    message = run_message(
        "end",
        RunState.COMPLETE,
        AT,
        run=RunDescription(RUN_ID, run or {}),
        job=JobDescription("tests", "job", job or {}),
        inputs=inputs or [],
        outputs=outputs or [],
        policy=policy or EmissionPolicy(),
    )
    assert findings(message.body()) == []
    return message


def metadata(**given: Any) -> Source:
    return Source(Origin.METADATA, {key.replace("__", "/"): value for key, value in given.items()})


def wide_schema(columns: int) -> Facets:
    fields = [{"name": f"column_{at}", "type": "text", "description": "x" * 50} for at in range(columns)]
    return present(schema=datasets.schema(metadata(dagster__column_schema={"columns": fields})))


def test_facets_of_metadata_become_facets_of_their_kind() -> None:
    source = metadata(
        openlineage__facets__run__acme_ticket={"id": 7},
        openlineage__facets__job__documentation={"description": "Better words."},
        openlineage__facets__output__acme_files={"_schemaURL": "https://acme.example/x.json#/$defs/X", "n": 1},
    )
    run = custom.from_metadata(FacetKind.RUN, source)
    job = {
        **present(documentation=jobs.documentation(AssetInfo(("t",), description="Words."))),
        **custom.from_metadata(FacetKind.JOB, source),
    }
    body = told(run, job=job).body()
    assert body["run"]["facets"]["acme_ticket"]["id"] == 7
    assert body["run"]["facets"]["acme_ticket"]["_schemaURL"].endswith("CustomFacet.json#/$defs/CustomRunFacet")
    assert body["job"]["facets"]["documentation"]["description"] == "Better words."
    assert body["job"]["facets"]["documentation"]["_schemaURL"].startswith("https://openlineage.io/")
    (files,) = custom.from_metadata(FacetKind.OUTPUT, source).values()
    assert not isinstance(files, LeftOut)
    assert files.facet["_schemaURL"] == "https://acme.example/x.json#/$defs/X"
    assert custom.from_metadata(FacetKind.DATASET, source) == {}


def test_the_materialization_speaks_before_the_definition() -> None:
    sources = (
        Source(Origin.METADATA, {"openlineage/facets/run/a": {"from": "materialization"}}),
        Source(Origin.DEFINITION, {"openlineage/facets/run/a": {"from": "definition"}, "openlineage/facets/run/b": {}}),
    )
    message = told(custom.from_metadata(FacetKind.RUN, *sources))
    assert message.body()["run"]["facets"]["a"]["from"] == "materialization"
    assert {said.where: said.origin for said in message.statements}["run.facets.b"] is Origin.DEFINITION


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("bad key", {}, "begins with a letter"),
        ("1st", {}, "begins with a letter"),
        ("x" * 65, {}, "begins with a letter"),
        ("a", [1], "a JSON object is needed"),
        ("a", {"x": object()}, "no JSON"),
        ("a", {"x": float("nan")}, "no JSON"),
        ("a", {"x": "y" * 5_000_000}, "bytes"),
        ("a", {"_schemaURL": "nowhere"}, "an address is needed"),
        ("nominalTime", {"end": 1}, "lacks nominalStartTime"),
        ("a", ol.sql_job.SQLJobFacet(query="SELECT 1"), "a RunFacet is needed"),
    ],
)
def test_what_is_no_facet_is_left_out_and_told(key: str, value: Any, reason: str) -> None:
    entity = FacetEntity(FacetKind.RUN)
    message = told(custom.from_hook(lambda _: {key: value}, entity))
    (withheld,) = message.withheld
    assert withheld.failed
    assert reason in withheld.reason
    error = message.body()["run"]["facets"]["extractionError"]
    assert (error["totalTasks"], error["failedTasks"]) == (1, 1)
    assert reason in error["errors"][0]["errorMessage"]
    assert error["errors"][0]["task"] == withheld.where


def test_a_hook_that_raises_costs_no_event() -> None:
    def raises(entity: FacetEntity) -> dict[str, Any]:
        raise RuntimeError(f"no {entity.kind} for password=hunter2")

    message = told(custom.from_hook(raises, FacetEntity(FacetKind.RUN)))
    text = str(message.body())
    assert "no run for password=***" in text
    assert "hunter2" not in text + str(message.withheld)
    assert "Traceback" in message.body()["run"]["facets"]["extractionError"]["errors"][0]["stackTrace"]
    for rubbish in ("x", ["a"], 5):
        message = told(custom.from_hook(lambda _, given=rubbish: given, FacetEntity(FacetKind.RUN)))  # type: ignore[arg-type,misc,return-value]
        assert "a mapping of facets by key is needed" in message.withheld[0].reason
    assert custom.from_hook(lambda _: None, FacetEntity(FacetKind.RUN)) == {}


def test_a_hook_may_give_the_clients_own_facets() -> None:
    facet = ol.sql_job.SQLJobFacet(query="SELECT 'AKIAIOSFODNN7EXAMPLE'")
    message = told(job=custom.from_hook(lambda _: {"sql": facet}, FacetEntity(FacetKind.JOB)))
    assert message.body()["job"]["facets"]["sql"]["query"] == "SELECT '***'"
    assert message.statements[0].origin is Origin.HOOK
    assert [(each.where, each.reason) for each in message.withheld] == [
        ("job.facets.sql.query", "it looks like a secret")
    ]


def test_facets_can_be_kept_in_by_key() -> None:
    facets = present(sql=jobs.sql(None, metadata(openlineage__sql="SELECT 1")), jobType=jobs.job_type("ASSET"))
    message = told(job=facets, policy=EmissionPolicy(exclude_facets=["s*"]))
    assert set(message.body()["job"]["facets"]) == {"jobType"}
    assert message.withheld[0].where == "job.facets.sql"
    assert "run.facets.extractionError" not in {said.where for said in message.statements}


def test_a_dataset_that_is_kept_in_is_named_nowhere() -> None:
    hidden = DatasetDescription(DatasetRef("s3://secret", "plan"), Origin.DEFINITION, kept_in="asset excluded by 'x'")
    message = told(inputs=[hidden], outputs=[DatasetDescription(TABLE, Origin.LOG)])
    assert "secret" not in str(message.body())
    assert message.body()["inputs"] == []
    assert message.withheld[0].reason == "asset excluded by 'x'"


def test_a_facet_that_is_too_large_is_cut_and_says_so() -> None:
    output = DatasetDescription(TABLE, Origin.LOG, wide_schema(5000))
    policy = EmissionPolicy(max_facet_bytes=20_000)
    message = told(outputs=[output], policy=policy)
    schema = message.body()["outputs"][0]["facets"]["schema"]
    assert size_of(schema) <= 20_000
    assert schema["truncated"] == [{"where": "fields", "kept": len(schema["fields"]), "of": 5000}]
    assert schema["fields"][0]["name"] == "column_0"
    assert "more than the 20000 of max_facet_bytes: cut to" in message.withheld[0].reason
    assert told(outputs=[output], policy=policy).body() == message.body()


def test_texts_are_cut_where_they_are_too_long() -> None:
    facets = present(sql=jobs.sql(None, metadata(openlineage__sql="SELECT " + "x, " * 100_000)))
    query = told(job=facets).body()["job"]["facets"]["sql"]["query"]
    assert query.endswith("characters left out")
    assert len(query) < 64_000


def test_what_cannot_be_cut_is_left_out() -> None:
    body = {f"key_{at}": "x" for at in range(10_000)}
    facets = custom.from_hook(lambda _: {"acme": body}, FacetEntity(FacetKind.RUN))
    message = told(facets, policy=EmissionPolicy(max_facet_bytes=2000))
    assert "acme" not in message.body()["run"].get("facets", {})
    assert message.withheld[0].reason.endswith("left out")


def test_an_event_that_is_too_large_loses_its_largest_facets_and_no_dataset() -> None:
    outputs = [
        DatasetDescription(
            DatasetRef("s3://lake", f"t{at}"),
            Origin.LOG,
            {**wide_schema(200 + at), **present(dataSource=datasets.data_source(TABLE))},
        )
        for at in range(10)
    ]
    policy = EmissionPolicy(max_event_bytes=100_000)
    message = told(outputs=outputs, policy=policy)
    body = message.body()
    assert size_of(body) <= 100_000
    assert len(body["outputs"]) == 10
    assert all("dataSource" in each["facets"] for each in body["outputs"])
    kept = [each["name"] for each in body["outputs"] if "schema" in each["facets"]]
    assert kept
    assert kept == [f"t{at}" for at in range(len(kept))], "the largest went first"
    assert {each.where for each in message.withheld} == {
        f"outputs[s3://lake/t{at}].facets.schema" for at in range(len(kept), 10)
    }
    assert not {each.where for each in message.withheld} & {said.where for said in message.statements}


def test_events_without_a_run_pass_the_same_gate() -> None:
    facets = present(sql=jobs.sql(None, metadata(openlineage__sql="ALTER ROLE x PASSWORD 'hunter2'")))
    job = job_message("definition", AT, job=JobDescription("tests", "j", facets), policy=EmissionPolicy())
    dataset = dataset_message("definition", AT, DatasetDescription(TABLE, Origin.DEFINITION, wide_schema(3)))
    for message in (job, dataset):
        assert findings(message.body()) == []
        assert "hunter2" not in str(message.body())
    assert (job.subject, dataset.subject) == ("job:tests/j", "dataset:postgres://h:5432/db.public.t")
