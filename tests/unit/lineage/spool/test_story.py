"""What a Spark session told, and what a backend is told of it."""

import json
from typing import Any

from tests.openlineage_spec import findings
from tests.unit.lineage.spool.events import APPLICATION, began, event, run_id, session
from weather_pipeline.lineage.spool.record import Ended, Failed, Record, RunRef
from weather_pipeline.lineage.spool.story import Story

RECORD = Record("MyJob")
WORDLESS = Failed()
WELL = Ended("COMPLETE", "2026-11-22T11:00:00Z")
BROKEN = Ended("FAIL", "2026-11-22T11:00:00Z", "ValueError: no", "Traceback …")
A, B = run_id(2), run_id(3)
COLUMNS = {
    "_producer": event("START")["producer"],
    "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
}


def told(
    events: list[dict[str, Any]],
    outcome: Ended | None,
    record: Record = RECORD,
    *,
    failed: Failed = WORDLESS,
) -> list[dict[str, Any]]:
    story = Story()
    heard = [each for one in events for each in story.hear(one, record, failed)]
    return heard + (story.end(outcome, failed) if outcome else [])


def kinds(events: list[dict[str, Any]], run: str) -> list[str]:
    return [each["eventType"] for each in events if each["run"]["runId"] == run]


def message(events: list[dict[str, Any]], run: str) -> str | None:
    last = [each for each in events if each["run"]["runId"] == run][-1]
    return last["run"]["facets"].get("errorMessage", {}).get("message")


def test_what_went_well_is_told_as_it_was() -> None:
    events = told(session(2, 3), WELL)
    assert [each["eventType"] for each in events] == [each["eventType"] for each in session(2, 3)]
    assert [finding for each in events for finding in findings(each)] == []


def test_the_application_s_end_waits_for_what_became_of_it() -> None:
    assert kinds(told(session(), None), APPLICATION) == ["START"]
    assert kinds(told(session(), WELL), APPLICATION) == ["START", "COMPLETE"]
    assert kinds(told(session(), BROKEN), APPLICATION) == ["START", "FAIL"]


def test_an_end_has_the_time_at_which_the_listener_saw_it() -> None:
    events = told([event("START"), event("COMPLETE", at=9)], BROKEN)
    assert events[-1]["eventTime"] == "2026-11-22T10:00:09Z"


def test_a_failure_is_not_completed() -> None:
    events = [event("START"), event("START", A), event("FAIL", A), event("COMPLETE", A), event("COMPLETE")]
    assert kinds(told(events, BROKEN), A) == ["START", "FAIL"]


def test_the_last_failure_gets_the_error_s_message() -> None:
    events = told([event("START"), event("START", A), event("FAIL", A), event("COMPLETE")], BROKEN)
    assert message(events, A) == message(events, APPLICATION) == "ValueError: no"
    assert [finding for each in events for finding in findings(each)] == []


def test_a_failure_that_the_application_lived_through_is_told_once_it_goes_on() -> None:
    events = [event("START"), event("START", A), event("FAIL", A), event("START", B)]
    assert kinds(told(events, None), A) == ["START", "FAIL"]
    assert message(told(events, None), A) is None


def test_a_failure_of_an_application_that_completes_has_no_message() -> None:
    events = told([event("START"), event("START", A), event("FAIL", A), event("COMPLETE")], WELL)
    assert kinds(events, A) == ["START", "FAIL"]
    assert message(events, A) is None
    assert kinds(events, APPLICATION) == ["START", "COMPLETE"]


def test_an_action_waits_for_the_driver_s_word_until_the_next_one_begins() -> None:
    story = Story()
    events = [event("START"), event("START", A), event("COMPLETE", A), event("START", B)]
    heard = [[each["eventType"] for each in story.hear(one, RECORD)] for one in events]
    assert heard == [["START"], ["START"], [], ["COMPLETE", "START"]]


def test_where_nothing_comes_for_a_while_the_driver_had_its_time() -> None:
    story = Story()
    for each in (event("START"), event("START", A), event("COMPLETE", A)):
        story.hear(each, RECORD)
    assert story.settle(Failed({began(0): None})) == [], "a failure waits for its message"
    assert [each["eventType"] for each in story.settle(WORDLESS)] == ["COMPLETE"]
    assert story.settle(WORDLESS) == []
    assert kinds(story.end(WELL), A) == []
    for each in (event("START", B), event("FAIL", B)):
        story.hear(each, RECORD)
    assert story.settle(WORDLESS) == []


def test_an_action_whose_commit_fails_is_no_success() -> None:
    events = [event("START"), event("START", A, at=1), event("COMPLETE", A, at=2)]
    conflict = Failed({began(1): "conflict"})
    going_on = told([*events, event("START", B)], None, failed=conflict)
    assert kinds(going_on, A) == ["START", "FAIL"]
    assert message(going_on, A) == "conflict"
    assert [finding for each in going_on for finding in findings(each)] == []
    assert message(told([*events, event("COMPLETE")], BROKEN, failed=conflict), A) == "ValueError: no"
    assert message(told([*events, event("COMPLETE")], WELL, failed=conflict), A) == "conflict"


def test_an_action_that_failed_too_soon_to_be_begun_is_no_success() -> None:
    table = {"namespace": "iceberg://demo", "name": "demo.news.articles_raw", "facets": {}}
    events = [event("START"), event("COMPLETE", A, at=2, outputs=(table,)), event("START", B, at=3)]
    failed = Failed({began(1): "exists"}, {began(2): "exists"})
    going_on = told(events, WELL, failed=failed)
    assert (kinds(going_on, A), message(going_on, A)) == (["FAIL"], "exists")
    assert going_on[-1]["outputs"] == []
    assert kinds(told(events, None, failed=Failed({began(2): "another's"})), A) == ["COMPLETE"]


def test_an_action_that_has_begun_is_known_by_its_beginning() -> None:
    events = [event("START"), event("START", A, at=1), event("COMPLETE", A, at=2), event("START", B)]
    assert kinds(told(events, None, failed=Failed(ended={began(2): "another's"})), A) == ["START", "COMPLETE"]


def test_of_two_that_began_at_once_the_one_that_failed_is_known_by_its_end() -> None:
    events = [event("START"), event("START", A, at=1), event("START", B, at=1)]
    events += [event("COMPLETE", A, at=2), event("COMPLETE", B, at=3)]
    failed = Failed()
    failed.add(None, began(3), "conflict")
    ends = told(events, WELL, failed=failed)
    assert (kinds(ends, A), kinds(ends, B)) == (["START", "COMPLETE"], ["START", "FAIL"])


def test_what_a_failed_action_would_have_written_is_not_told_of_the_application() -> None:
    table = {"namespace": "iceberg://demo", "name": "demo.news.articles_raw", "facets": {}}
    events = [event("START"), event("START", A, at=1), event("COMPLETE", A, at=2, outputs=(table,)), event("COMPLETE")]
    assert [each["outputs"] for each in told(events, WELL)][-1] != []
    assert [each["outputs"] for each in told(events, BROKEN, failed=Failed({began(1): None}))][-1] == []


def test_an_action_that_is_cut_off_is_no_success() -> None:
    events = [event("START"), event("START", A, at=1), event("COMPLETE", A, at=2), event("COMPLETE")]
    cut = told(events, Ended("ABORT", "2026-11-22T11:00:00Z", "KeyboardInterrupt"), failed=Failed({began(1): None}))
    assert kinds(cut, A) == ["START", "FAIL"]


def test_a_failure_gets_spark_s_own_reason() -> None:
    events = [event("START"), event("START", A, at=1), event("FAIL", A, at=2), event("START", B)]
    assert message(told(events, None, failed=Failed({began(1): "[SPARK_JOB_CANCELLED]"})), A) == "[SPARK_JOB_CANCELLED]"


def test_what_an_earlier_version_kept_goes_on() -> None:
    story = Story()
    for each in (event("START"), event("START", A), event("FAIL", A)):
        story.hear(each, RECORD)
    kept = story.as_json()
    del kept["began"]
    story = Story.from_json(kept)
    assert [each["eventType"] for each in story.hear(event("START", B), RECORD, Failed({began(0): "why"}))] == [
        "FAIL",
        "START",
    ]


def test_what_a_killed_driver_left_open_fails_with_it() -> None:
    events = told([event("START"), event("START", A)], BROKEN)
    assert kinds(events, A) == ["START", "FAIL"]
    assert kinds(events, APPLICATION) == ["START", "FAIL"]
    assert events[-1]["eventTime"] == BROKEN.at


def test_what_a_cancelled_driver_left_open_is_aborted() -> None:
    stopped = Ended("ABORT", "2026-11-22T11:00:00Z", "cancelled")
    events = told([event("START"), event("START", A)], stopped)
    assert kinds(events, A)[-1] == kinds(events, APPLICATION)[-1] == "ABORT"


def test_an_action_without_an_end_is_no_success() -> None:
    events = told([event("START"), event("START", A), event("COMPLETE")], WELL)
    assert kinds(events, A) == ["START", "ABORT"]
    assert kinds(events, APPLICATION) == ["START", "COMPLETE"]


def test_a_session_that_told_nothing_has_no_end() -> None:
    assert told([], BROKEN) == []


def test_the_application_has_read_and_written_what_its_actions_have() -> None:
    raw, kept, seen = ({"namespace": "file", "name": name, "facets": {}} for name in ("raw", "kept", "seen"))
    events = [
        event("START"),
        event("COMPLETE", A, inputs=(raw,), outputs=(kept,)),
        event("COMPLETE", B, inputs=(kept, seen)),
        event("FAIL", run_id(4), outputs=({"namespace": "file", "name": "lost"},)),
        event("COMPLETE"),
    ]
    last = told(events, WELL)[-1]
    assert [each["name"] for each in last["inputs"]] == ["raw", "seen"]
    assert [each["name"] for each in last["outputs"]] == ["kept"]


def test_rows_that_were_written_again_are_no_origin_of_the_application_s_columns() -> None:
    def made(*origins: str) -> dict[str, Any]:
        sources = [{"namespace": "file", "name": name, "field": "id", "transformations": []} for name in origins]
        return {**COLUMNS, "fields": {"id": {"inputFields": sources}, "at": {"inputFields": sources[1:]}}}

    table = {"namespace": "file", "name": "kept", "facets": {"columnLineage": made("raw", "kept")}}
    raw = {"namespace": "file", "name": "raw", "facets": {}}
    written = event("COMPLETE", A, inputs=(raw, {**table, "facets": {}}), outputs=(table,))
    action, last = told([event("START"), written, event("COMPLETE")], WELL)[1:]
    assert action["outputs"] == [table]
    assert [each["name"] for each in last["inputs"]] == ["raw"]
    fields = last["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert {name: [each["name"] for each in made["inputFields"]] for name, made in fields.items()} == {"id": ["raw"]}
    assert findings(last) == []


def test_who_started_it_is_a_dependency_unless_a_parent_is_wanted() -> None:
    parent = {"run": {"runId": A}, "job": {"namespace": "weather-pipeline", "name": "articles_dagster"}}
    first = event("START")
    first["run"]["facets"]["parent"] = {**event("START", B)["run"]["facets"]["parent"], **parent}
    launcher = RunRef("weather-pipeline", "articles_dagster", A)
    apart, joined = (
        told([first], BROKEN, Record("MyJob", launched_by=launcher, keeps_parent=keeps)) for keeps in (False, True)
    )
    assert all("parent" not in each["run"]["facets"] for each in apart)
    assert all(each["run"]["facets"]["parent"]["run"]["runId"] == A for each in joined)
    for each in apart:
        (upstream,) = each["run"]["facets"]["jobDependencies"]["upstream"]
        assert upstream["run"]["runId"] == A
        assert findings(each) == []


def test_a_job_that_tells_no_parent_itself_gets_the_one_that_is_wanted() -> None:
    launcher = RunRef("weather-pipeline", "articles_dagster", A)
    begun, *_ = told([event("START")], WELL, Record("MyJob", launched_by=launcher, keeps_parent=True))
    assert begun["run"]["facets"]["parent"]["run"]["runId"] == A
    assert begun["run"]["facets"]["parent"]["job"]["name"] == "articles_dagster"
    assert findings(begun) == []


def test_the_application_says_what_its_program_says_of_itself() -> None:
    begun, action, *_ = told(session(2), WELL, Record("MyJob", "Writes articles with token=hush."))
    assert begun["job"]["facets"]["documentation"]["description"].startswith("Writes articles")
    assert "hush" not in json.dumps(begun)
    assert findings(begun) == []
    assert "documentation" not in action["job"]["facets"]


def test_a_story_that_was_kept_goes_on() -> None:
    events, story, heard = session(2, 3), Story(), []
    for each in events:
        story = Story.from_json(story.as_json())
        heard += story.hear(each, RECORD)
    assert heard + Story.from_json(story.as_json()).end(WELL) == told(events, WELL)


def test_what_a_job_is_for_stands_in_the_standard_facets() -> None:
    first = event("START")
    properties = {"spark.weather.jobType": "streaming", "spark.weather.sourceSystem": "kafka"}
    first["run"]["facets"]["spark_properties"] = {**_facet(first), "properties": properties}
    first["job"]["facets"]["jobType"] = {
        "_producer": first["producer"],
        "_schemaURL": "https://openlineage.io/spec/facets/2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
        "processingType": "BATCH",
        "integration": "SPARK",
    }
    (event_told,) = told([first], None)
    assert event_told["job"]["facets"]["jobType"]["processingType"] == "STREAMING"
    (tag,) = event_told["job"]["facets"]["tags"]["tags"]
    assert (tag["key"], tag["value"]) == ("source_system", "kafka")
    assert findings(event_told) == []


def test_secrets_stay_here() -> None:
    first = event("START")
    first["run"]["facets"]["spark_properties"] = {**_facet(first), "properties": {"spark.app.name": "token=hush123"}}
    assert "hush123" not in str(told([first], Ended("FAIL", "2026-11-22T11:00:00Z", "password=hush123")))


def _facet(of: dict[str, Any]) -> dict[str, str]:
    return {
        "_producer": of["producer"],
        "_schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet",
    }
