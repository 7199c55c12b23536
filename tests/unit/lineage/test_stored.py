from datetime import UTC, datetime
from typing import Any

import pytest
from openlineage.client.event_v2 import DatasetEvent, InputDataset, Job, JobEvent, RunState, StaticDataset
from openlineage.client.facet_v2 import parent_run, schema_dataset, tags_job, tags_run

from weather_pipeline.lineage.facets.base import PRODUCER, Sourced
from weather_pipeline.lineage.messages import DatasetDescription, JobDescription, Message, RunDescription, run_message
from weather_pipeline.lineage.model import DatasetRef, Origin
from weather_pipeline.lineage.stored import message_of

RUN_ID = "01941f29-7c00-7743-a0c5-8d4d0d0d0d0d"
AT = datetime(2026, 1, 1, tzinfo=UTC)


def said(facet: Any) -> Sourced:
    return Sourced(facet, Origin.LOG)


def run_event(state: RunState) -> Message:
    tags = tags_run.TagsRunFacet([tags_run.TagsRunFacetFields("a", "1", "USER")])
    parent = parent_run.ParentRunFacet(parent_run.Run(RUN_ID), parent_run.Job("n", "p"))
    job_tags = tags_job.TagsJobFacet([tags_job.TagsJobFacetFields("team", "x")])
    schema = schema_dataset.SchemaDatasetFacet([schema_dataset.SchemaDatasetFacetFields("c", "int")])
    return run_message(
        "start" if state is RunState.START else "end",
        state,
        AT,
        run=RunDescription(RUN_ID, {"tags": said(tags), "parent": said(parent)}),
        job=JobDescription("n", "j", {"tags": said(job_tags)}),
        inputs=[DatasetDescription(DatasetRef("s", "in"), Origin.LOG, {"schema": said(schema)})],
        outputs=[DatasetDescription(DatasetRef("s", "out"), Origin.LOG)],
    )


MESSAGES = [
    run_event(RunState.START),
    run_event(RunState.COMPLETE),
    Message(
        "job:n/j",
        "job",
        JobEvent(eventTime=AT.isoformat(), producer=PRODUCER, job=Job("n", "j"), inputs=[InputDataset("s", "in")]),
    ),
    Message(
        "dataset:s/d",
        "dataset",
        DatasetEvent(eventTime=AT.isoformat(), producer=PRODUCER, dataset=StaticDataset("s", "d")),
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{type(message.event).__name__}-{message.part}")
def test_what_was_kept_is_sent_as_it_was(message: Message) -> None:
    again = message_of(message.body())
    assert again.body() == message.body()
    assert again.subject == message.subject


@pytest.mark.parametrize("body", [{}, {"eventTime": "2026"}, {"dagsterRunId": "x", "asset": "a"}])
def test_what_is_no_event_is_not_sent(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no OpenLineage event"):
        message_of(body)
