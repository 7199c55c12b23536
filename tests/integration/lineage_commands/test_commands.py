"""`weather lineage …` on a real project: its own folder, instance and daemon, and a real lineage service."""

import json
import threading
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.collector import Collector
from tests.integration.lineage_commands.conftest import LineageService
from tests.integration.lineage_commands.project import ShopProject, run_of, until
from weather_pipeline.lineage import audit

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shop(service: LineageService, tmp_path_factory: pytest.TempPathFactory) -> ShopProject:
    """A project three of whose runs its daemon has exported."""
    project = ShopProject(tmp_path_factory.mktemp("shop"), service.url)
    project.materialize(3)
    with project.daemon():
        until(lambda: _complete(project))
        # What arrived is known to the instance once the evaluation has ended.
        until(lambda: project.weather("status").exit_code == 0)
    return project


def _complete(project: ShopProject) -> bool:
    result = project.weather("verify", "--json")
    return result.exit_code == 0 and json.loads(result.stdout)["complete"] >= 12


@pytest.fixture
def no_time_to_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there counts as missing at once."""
    monkeypatch.setattr(audit, "_YOUNG", -audit.timedelta(seconds=60))


def test_status_of_what_works(shop: ShopProject, service: LineageService) -> None:
    found = shop.json("status")
    assert (found["sensor"], found["location"], found["running"]) == ("openlineage_run_status_sensor", "shop", True)
    assert found["backend"] == service.url
    assert found["progress"]["accepted"] >= 24
    assert (found["progress"]["refused"], found["progress"]["waiting"], found["dead_letters"]) == (0, 0, 0)
    assert found["troubles"] == []
    text = shop.weather("status")
    assert text.exit_code == 0
    assert f"Sends to       {service.url}" in text.output


def test_everything_that_was_exported_is_verified(shop: ShopProject) -> None:
    found = shop.json("verify")
    assert (found["coverage"], found["gaps"], found["problems"]) == (100.0, [], [])
    assert found["expected"] == found["complete"] + found["in_flight"]
    assert found["edges"] == found["edges_found"] > 0
    assert found["facets"] == found["facets_found"] > 0


def test_what_was_not_exported_is_missing_until_it_is_repaired(shop: ShopProject, no_time_to_arrive: None) -> None:
    (run_id,) = shop.materialize()
    found = shop.json("verify", code=1)
    assert found["coverage"] < 100
    assert {gap["kind"] for gap in found["gaps"]} == {"run"}
    assert {gap["dagster_run"] for gap in found["gaps"]} == {run_id}
    assert shop.weather("verify", "--threshold", "50").exit_code == 0
    text = shop.weather("verify")
    assert "! missing run" in text.output
    assert "--repair sends what is missing again" in text.output
    repaired = shop.json("verify", "--repair")
    assert repaired["coverage"] == 100.0
    assert repaired["repaired"]["accepted"] >= 8
    assert shop.json("verify")["coverage"] == 100.0


def test_a_young_run_is_in_flight_and_counts_neither_way(shop: ShopProject) -> None:
    before = shop.json("verify")
    shop.materialize()
    found = shop.json("verify")
    assert (found["coverage"], found["gaps"]) == (100.0, [])
    assert found["in_flight"] == found["expected"] - before["expected"] > 0
    shop.weather("replay", "--since", "1h")


def test_a_span_without_runs_is_complete(shop: ShopProject) -> None:
    found = shop.json("verify", "--since", "2021-01-01", "--until", "2021-02-01")
    assert (found["expected"], found["coverage"]) == (0, 100.0)


def test_nothing_is_verified_where_all_runs_are_of_other_locations(
    service: LineageService, tmp_path: Path, no_time_to_arrive: None
) -> None:
    project = ShopProject(tmp_path / "shop", service.url)
    empty = project.weather("verify")
    assert empty.exit_code == 0
    assert "nothing to verify: Dagster recorded no run in this time." in empty.output

    @dg.asset
    def stock() -> None: ...

    with dg.DagsterInstance.from_config(str(project.home)) as instance:
        run_of("store", [stock], instance)
    wrong = project.weather("verify")
    assert wrong.exit_code == 1
    assert "nothing to verify: no Dagster run in this time is of the code location 'shop'" in wrong.output
    assert "others: store (1)" in wrong.output
    replayed = project.weather("replay", "--since", "1d")
    assert replayed.exit_code == 1
    assert "Nothing to send: no Dagster run" in replayed.output
    right = project.json("verify", "--location", "store", code=1)
    assert (right["nothing"], right["dagster_runs"], right["elsewhere"]) == (None, 1, {})


def test_what_the_configuration_keeps_back_is_not_missed(shop: ShopProject, no_time_to_arrive: None) -> None:
    def found(*filters: dict[str, str], code: int) -> dict[str, Any]:
        result = shop.weather("verify", "--json", OPENLINEAGE__FILTERS=json.dumps(filters))
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    shop.materialize()
    some = found({"type": "exact", "match": "raw_dagster"}, code=1)
    assert "raw_dagster" not in {gap["job"] for gap in some["gaps"]} != set()
    everything = found({"type": "regex", "regex": ".*"}, code=0)
    assert (everything["expected"], everything["gaps"]) == (0, [])
    shop.weather("replay", "--since", "1h")


@pytest.mark.parametrize(
    "arguments", [["verify"], ["replay", "--since", "1d"], ["publish"], ["dead-letters", "resend", "--all"]]
)
def test_nothing_is_sent_or_compared_where_lineage_is_off(shop: ShopProject, arguments: list[str]) -> None:
    result = shop.weather(*arguments, OPENLINEAGE_DISABLED="true")
    assert result.exit_code == 1
    assert "Lineage is switched off by OPENLINEAGE_DISABLED=true" in result.output


def test_a_backend_that_is_no_marquez_can_not_be_verified(shop: ShopProject, tmp_path: Path) -> None:
    file = {"OPENLINEAGE__TRANSPORT__TYPE": "file", "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": str(tmp_path / "events")}
    result = shop.weather("verify", **file)
    assert result.exit_code == 1
    assert "can't be asked what it knows" in result.output
    assert "--url" in result.output


def test_a_backend_that_is_away_is_one_message(shop: ShopProject) -> None:
    result = shop.weather("verify", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert result.output.startswith("Error: http://127.0.0.1:9 can't be asked")


def test_replay_sends_the_same_runs_and_leaves_the_cursor_alone(shop: ShopProject, service: LineageService) -> None:
    cursor = shop.json("status")["progress"]
    with Collector() as other:
        done = shop.json("replay", "--since", "1d", to=other.url)
        assert done["accepted"] == len(other.events)
        assert done["refused"] == 0
        assert done["go_on_since"] is None
        for event in (each for each in other.events if "run" in each):
            assert service.get(f"/api/v1/jobs/runs/{event['run']['runId']}")["id"] == event["run"]["runId"]
        by_run: dict[str, list[str]] = {}
        for event in (each for each in other.events if "run" in each):
            by_run.setdefault(event["run"]["runId"], []).append(event["eventType"])
        assert set(map(tuple, by_run.values())) == {("START", "COMPLETE")}
    assert shop.json("status")["progress"] == cursor


def test_replay_of_one_asset(shop: ShopProject) -> None:
    with Collector() as other:
        shop.json("replay", "--since", "1d", "--asset", "mart/by_day", to=other.url)
        assert {event["job"]["name"] for event in other.events} == {"mart.by_day_dagster"}


def test_a_dry_replay_sends_nothing(shop: ShopProject) -> None:
    with Collector() as other:
        found = shop.json("replay", "--since", "1d", "--dry-run", to=other.url)
        assert found["events"] > 0
        assert found["runs"] >= 3
        assert other.requests == []


def test_what_was_reported_without_a_run_is_verified_and_replayed(shop: ShopProject) -> None:
    with dg.DagsterInstance.from_config(str(shop.home)) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("raw", metadata={"dagster/row_count": 4}))
        instance.report_runless_asset_event(dg.AssetObservation("rates"))
    found = shop.json("verify")
    # Their definitions were published: the datasets are known.
    assert (found["datasets"], found["datasets_found"], found["coverage"]) == (2, 2, 100.0)
    with Collector() as other:
        shop.json("replay", "--since", "1d", to=other.url)
        assert {event["dataset"]["name"] for event in other.events if "dataset" in event} == {
            "shop.public.raw",
            "rates",
        }


def test_replay_waits_out_an_outage(shop: ShopProject) -> None:
    with Collector() as other:
        away = threading.Event()
        other.behave = lambda event: (201, "") if away.is_set() else (503, "")
        threading.Timer(1.5, away.set).start()
        done = shop.json("replay", "--since", "1d", to=other.url)
        assert done["accepted"] == len(
            {(str(e.get("run", e.get("dataset"))), e.get("eventType"), e["eventTime"]) for e in other.events}
        )


def test_refused_events_become_dead_letters_that_can_be_shown_resent_and_dropped(shop: ShopProject) -> None:
    with Collector() as other:
        other.behave = lambda event: (422, "bad name") if "orders_dagster" in str(event.get("job")) else (201, "")
        to = other.url
        done = shop.json("replay", "--since", "1d", code=1, to=to)
        letters = shop.json("dead-letters", "list", to=to)
        assert len(letters) == done["refused"] > 0
        assert {letter["job"] for letter in letters} == {"shop/orders_dagster"}
        assert all("422" in letter["reason"] and letter["writer"] == "replay" for letter in letters)
        status = shop.weather("status", OPENLINEAGE_URL=to)
        assert status.exit_code == 1
        assert "events were refused for good" in status.output
        text = shop.weather("dead-letters", "list", OPENLINEAGE_URL=to).output
        assert letters[0]["key"] in text
        shown = shop.json("dead-letters", "show", letters[0]["key"], to=to)
        assert shown["event"]["job"]["name"] == "orders_dagster"
        assert shop.json("dead-letters", "resend", "--all", code=1, to=to)["accepted"] == 0
        assert shop.json("dead-letters", "drop", letters[0]["key"], to=to) == {"dropped": 1}
        other.behave = lambda event: (201, "")
        assert shop.json("dead-letters", "resend", "--all", to=to) == {"accepted": len(letters) - 1, "left": []}
        assert shop.json("dead-letters", "list", to=to) == []
    assert shop.weather("dead-letters", "list").output == "No dead letters.\n"


@pytest.mark.parametrize("arguments", [["resend"], ["drop"], ["drop", "--all", "key"]])
def test_letters_must_be_named(shop: ShopProject, arguments: list[str]) -> None:
    result = shop.weather("dead-letters", *arguments)
    assert result.exit_code == 2
    assert "--all" in result.output


def test_a_letter_that_is_not_there(shop: ShopProject) -> None:
    result = shop.weather("dead-letters", "show", "none")
    assert result.exit_code == 1
    assert "No dead letter's key begins with 'none'" in result.output


def test_explain_a_run(shop: ShopProject) -> None:
    (run_id,) = shop.materialize()
    found = shop.json("explain", run_id[:8])
    assert found["definition"] is None
    assert found["run"]["run"]["id"] == run_id
    events = {(each["event"]["job"]["name"], each["type"]): each for each in found["run"]["events"]}
    done = events["orders_dagster", "COMPLETE"]
    origins: dict[str, Any] = {each["where"]: each["origin"] for each in done["statements"]}
    assert origins["job.facets.documentation"] == "definition"
    assert origins["inputs[https://fx.example/v1/eur].name"] == "metadata"
    assert origins["outputs[postgres://db.example:5432/shop.public.orders].facets.schema"] == "metadata"
    assert origins["run.facets.dagster_run"] == "log"
    assert ("orders.checks_dagster", "COMPLETE") in events


def test_explain_an_asset(shop: ShopProject) -> None:
    found = shop.json("explain", "mart/by_day")
    assert [each["type"] for each in found["definition"]["events"]] == ["DATASET", "JOB"]
    assert {each["event"]["job"]["name"] for each in found["run"]["events"]} == {"mart.by_day_dagster"}
    text = shop.weather("explain", "mart/by_day")
    assert text.exit_code == 0
    assert "By its definition" in text.output
    assert "job.facets.jobType" in text.output
    assert "\x1b[" not in text.output


def test_explain_what_is_not_there(shop: ShopProject) -> None:
    assert "mart/by_day" in shop.weather("explain", "shop/nothing").output
    assert shop.weather("explain", "nothing-like-it").exit_code == 1


def test_the_daemon_published_the_definitions(shop: ShopProject) -> None:
    found = shop.json("publish", "--dry-run")
    assert found["due"] == []
    assert found["unchanged"] == 4


def test_publish_all_into_another_backend(shop: ShopProject) -> None:
    with Collector() as other:
        found = shop.json("publish", "--all", to=other.url)
        assert found["accepted"] == 4
        assert sorted(event["job"]["name"] for event in other.events if "job" in event) == [
            "mart.by_day_dagster",
            "orders_dagster",
            "raw_dagster",
        ]


def test_without_an_instance_it_says_what_to_set(shop: ShopProject) -> None:
    result = shop.weather("status", DAGSTER_HOME="")
    assert result.exit_code == 1
    assert "Set DAGSTER_HOME" in result.output


def test_without_a_project_it_says_how_to_name_one(
    shop: ShopProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop, "directory", tmp_path)
    result = shop.weather("status", DAGSTER_HOME=str(tmp_path))
    assert result.exit_code == 1
    assert "-m MODULE or -f FILE" in result.output


def test_a_module_without_the_sensor_is_named(shop: ShopProject, tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text("import dagster as dg\ndefs = dg.Definitions()\n")
    result = shop.weather("status", "-f", str(tmp_path / "bare.py"))
    assert result.exit_code == 1
    assert "has no OpenLineage sensor" in result.output


def test_definitions_that_do_not_load_say_why(shop: ShopProject, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such table')\n")
    result = shop.weather("status", "-f", str(tmp_path / "broken.py"))
    assert result.exit_code == 1
    assert "RuntimeError: no such table" in result.output
