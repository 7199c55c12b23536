"""The page's pure modules, called in a browser: addresses, schedules, walks, columns, schema changes, quality."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.lineage_page import LineagePage

pytestmark = [pytest.mark.integration, pytest.mark.browser]

Call = Callable[..., Any]
NOW = "2026-11-22T12:30:00Z"
HOUR = 3_600_000


@pytest.fixture(scope="module")
def call(browser: Browser, server: LineagePage) -> Iterator[Call]:
    """Calls a function of a module with JSON values; Maps and Dates come back as what JSON has."""
    page = browser.new_page()
    page.goto(f"{server.url}/static/favicon.svg")

    def call_in_page(module: str, body: str, *arguments: Any) -> Any:
        script = (
            f"async (args) => {{ const m = await import('/static/js/{module}.js');"
            f" return JSON.parse(JSON.stringify((await ({body})(...args)) ?? null)); }}"
        )
        return page.evaluate(script, list(arguments))

    yield call_in_page
    page.close()


def run(start: str, end: str | None, started: str) -> dict[str, Any]:
    return {"startedAt": started, "facets": {"nominalTime": {"nominalStartTime": start, "nominalEndTime": end}}}


def hourly(hour: int, started: str) -> dict[str, Any]:
    return run(f"2026-11-22T{hour:02}:00:00Z", f"2026-11-22T{hour + 1:02}:00:00Z", started)


@pytest.mark.parametrize(
    "address",
    [
        "#/a/graph",
        "#/a%3Fb%2Fc/jobs/job/s3%3A%2F%2Fx/name%20with%20%2F%20and%20%3F/run/0199",
        "#/a/graph/dataset/b/c/column/d%2Fe?show=down&depth=2",
        "#/a/events?offset=50&event=2026+START",
        "#/a/search?q=a%26b",
    ],
)
def test_an_address_means_the_same_when_it_is_written_again(call: Call, address: str):
    assert call("router", "(address) => m.format(m.parse(address))", address) == address


def test_what_makes_no_sense_in_an_address_is_left_out(call: Call):
    route = call("router", "m.parse", "#/a/nonsense/table/b/c?depth=-1&show=sideways&other=1")
    assert (route["view"], route["node"], route["depth"], route["show"]) == ("graph", None, None, None)
    assert "other" not in route


@pytest.mark.parametrize("name", ["__proto__", "constructor", "toString"])
def test_an_option_that_no_page_writes_is_left_out(call: Call, name: str):
    assert call("router", "(address) => m.format(m.parse(address))", f"#/a/graph?{name}=1") == "#/a/graph"


def test_a_schedule_is_read_from_runs_that_start_when_their_hour_ends(call: Call):
    runs = [hourly(11, "2026-11-22T12:00:05Z"), hourly(10, "2026-11-22T11:00:04Z")]
    assert call("timeliness", "(runs, now) => m.schedule(runs, Date.parse(now))", runs, NOW) == {
        "period": HOUR,
        "due": "2026-11-22T13:00:00.000Z",
        "overdue": 0,
        "started": "2026-11-22T12:00:05.000Z",
        "late": 0,
    }


def test_a_missing_run_is_overdue_and_a_slow_start_is_late(call: Call):
    runs = [hourly(9, "2026-11-22T10:20:00Z"), hourly(8, "2026-11-22T09:00:04Z")]
    found = call("timeliness", "(runs, now) => m.schedule(runs, Date.parse(now))", runs, NOW)
    assert found["due"] == "2026-11-22T11:00:00.000Z"
    assert found["overdue"] == 1.5 * HOUR
    assert found["late"] == HOUR / 3


def test_a_schedule_that_lets_an_hour_settle_is_on_time(call: Call):
    runs = [hourly(hour, f"2026-11-22T{hour + 1:02}:05:04Z") for hour in (11, 10, 9)]
    found = call("timeliness", "(runs, now) => m.schedule(runs, Date.parse(now))", runs, "2026-11-22T13:06:00Z")
    assert (found["late"], found["overdue"], found["due"]) == (0, 0, "2026-11-22T13:05:04.000Z")
    late = call("timeliness", "(runs, now) => m.schedule(runs, Date.parse(now))", runs, "2026-11-22T13:30:00Z")
    assert late["overdue"] > 0


def test_one_run_alone_shows_no_lateness(call: Call):
    found = call("timeliness", "(runs) => m.schedule(runs)", [hourly(11, "2026-11-22T12:05:04Z")])
    assert found["late"] == 0


@pytest.mark.parametrize("cause", ["manual", "backfill"])
def test_runs_that_somebody_started_show_no_schedule(call: Call, cause: str):
    told = hourly(11, "2026-11-22T12:30:00Z")
    told["facets"]["dagster_run"] = {"launchedBy": cause}
    assert call("timeliness", "(runs) => m.schedule(runs)", [told]) is None


def test_only_what_a_completed_run_wrote_is_fresh(call: Call):
    versions = [
        {"createdByRun": {**hourly(hour, f"2026-11-22T{hour + 1:02}:05:00Z"), "state": state}}
        for hour, state in ((15, "FAILED"), (14, "COMPLETED"), (13, "COMPLETED"))
    ]
    assert call("timeliness", "m.dataUpTo", versions) == "2026-11-22T15:00:00Z"
    assert call("timeliness", "(all) => all.map(m.isWritten)", versions) == [False, True, True]


def test_a_backfill_shows_no_schedule(call: Call):
    runs = [run(f"2026-01-0{day}T00:00:00Z", f"2026-01-0{day + 1}T00:00:00Z", NOW) for day in range(1, 6)]
    assert call("timeliness", "(runs, now) => m.schedule(runs, Date.parse(now))", runs, NOW) is None


def test_a_backfill_beside_a_schedule_does_not_hide_it(call: Call):
    late = [run(f"2026-01-0{day}T00:00:00Z", f"2026-01-0{day}T01:00:00Z", NOW) for day in range(1, 6)]
    runs = [*late, hourly(11, "2026-11-22T12:00:05Z"), hourly(10, "2026-11-22T11:00:04Z")]
    found = call("timeliness", "(runs, now) => m.schedule(runs, Date.parse(now))", runs, NOW)
    assert (found["period"], found["overdue"]) == (HOUR, 0)


@pytest.mark.parametrize("runs", [[], [{}], [{"startedAt": NOW, "facets": {}}], [run("never", None, NOW)]])
def test_runs_without_nominal_times_show_no_schedule(call: Call, runs: list[Any]):
    assert call("timeliness", "(runs) => m.schedule(runs)", runs) is None


DIAMOND = [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"], ["d", "a"], ["x", "c"]]
MAKE = (
    "const g = m.makeGraph([...'abcdx'].map((key) => ({ key, name: key })), edges.map(([from, to]) => ({ from, to })));"
)


@pytest.mark.parametrize(
    ("direction", "depth", "reached"),
    [
        ("down", None, [["b", 1], ["c", 1], ["d", 2]]),
        ("down", 1, [["b", 1], ["c", 1]]),
        ("up", 1, [["d", 1]]),
        ("up", None, [["d", 1], ["b", 2], ["c", 2], ["x", 3]]),
    ],
)
def test_a_walk_tells_steps_and_ends_in_a_circle(call: Call, direction: str, depth: int | None, reached: list[Any]):
    body = f"(edges, direction, depth) => {{ {MAKE} return [...m.reach(g, 'a', direction, depth ?? undefined)]; }}"
    assert call("reach", body, DIAMOND, direction, depth) == reached


def test_the_part_around_a_node_keeps_the_edges_within(call: Call):
    body = f"(edges) => {{ {MAKE} const p = m.around(g, 'c', 'up', 1); return [[...p.nodes.keys()], p.edges]; }}"
    nodes, edges = call("reach", body, DIAMOND)
    assert nodes == ["a", "c", "x"]
    assert edges == [{"from": "a", "to": "c"}, {"from": "x", "to": "c"}]


def field(dataset: str, column: str, *inputs: tuple[str, str]) -> dict[str, Any]:
    def name(dataset: str, column: str) -> dict[str, str]:
        return {"namespace": "n", "dataset": dataset, "field": column}

    return {"data": {**name(dataset, column), "fieldType": "int", "inputFields": [name(*one) for one in inputs]}}


def test_a_columns_graph_holds_what_is_on_its_way_alone(call: Call):
    answers = [
        {"graph": [field("b", "x", ("a", "x")), field("b", "y", ("a", "y"))]},
        None,
        {"graph": [field("c", "z", ("b", "x"), ("b", "y")), field("b", "x", ("a", "x")), {"data": None}]},
    ]
    asked = {"namespace": "n", "dataset": "b", "field": "x"}
    body = "(answers, asked) => { const g = m.columnGraph(answers, asked); return [[...g.nodes.values()], g.edges]; }"
    nodes, edges = call("columns", body, answers, asked)
    assert [(node["dataset"], node["name"]) for node in nodes] == [("b", "x"), ("a", "x"), ("c", "z")]
    assert len(edges) == 2


def fields(*columns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in columns]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (fields(("a", "int")), fields(("a", "int")), []),
        (fields(("a", "int")), fields(("a", "int"), ("b", "text")), [("added", "b")]),
        (fields(("a", "int"), ("b", "text")), fields(("b", "text")), [("removed", "a")]),
        (fields(("a", "int")), fields(("a", "bigint")), [("changed", "a")]),
        (
            fields(("a", "int"), ("b", "int")),
            fields(("b", "int"), ("a", "int")),
            [("moved", "the order of the columns")],
        ),
    ],
)
def test_schema_changes(call: Call, before: list[Any], after: list[Any], changes: list[tuple[str, str]]):
    found = call("schema-history", "m.schemaChanges", before, after)
    assert [(change["kind"], change["name"]) for change in found] == changes


def test_a_version_without_columns_is_no_change(call: Call):
    versions = [{"fields": fields(("a", "int"))}, {"fields": []}, {"fields": fields(("a", "text"))}]
    body = "(versions) => m.withChanges(versions).map(({ changes }) => changes.map(({ kind }) => kind))"
    assert call("schema-history", body, versions) == [["changed"], [], []]


def version(at: str, rows: object, *checks: tuple[str, bool], run_id: str = "1") -> dict[str, Any]:
    written = {"datasetVersionId": {"namespace": "n", "name": "t"}, "facets": {"outputStatistics": {"rowCount": rows}}}
    return {
        "createdAt": at,
        "createdByRun": {"id": run_id, "outputDatasetVersions": [written]},
        "facets": {"dataQualityAssertions": {"assertions": [{"assertion": a, "success": s} for a, s in checks]}},
    }


def test_rows_and_checks_over_time_leave_out_what_is_unknown(call: Call):
    versions = [
        version("2026-11-22T12:00:00Z", 30, ("a", True), ("b", False)),
        version("2026-11-22T11:00:00Z", {"odd": 1}),
        version("2026-11-22T10:00:00Z", 10, ("a", True)),
    ]
    body = """(versions) => {
        const points = m.history(versions, { namespace: "n", name: "t" });
        return [m.rows(points).map(({ value }) => value), m.passed(points).map(({ value }) => value)];
    }"""
    assert call("quality", body, versions) == [[10, 30], [100, 50]]


def daily(day: int, hour: int) -> dict[str, Any]:
    before, after = (f"2026-03-{each:02}T{hour:02}" for each in (day - 1, day))
    return run(f"{before}:00:00Z", f"{after}:00:00Z", f"{after}:01:00Z")


def test_a_day_that_was_an_hour_shorter_does_not_make_the_next_ones_overdue(call: Call):
    runs = [*[daily(day, 4) for day in range(31, 28, -1)], *[daily(day, 5) for day in range(28, 20, -1)]]
    found = call("timeliness", "(runs, now) => m.schedule(runs, Date.parse(now))", runs, "2026-04-01T03:30:00Z")
    assert (found["period"], found["overdue"]) == (24 * HOUR, 0)
    assert found["due"] == "2026-04-01T04:00:00.000Z"


def test_a_partition_that_only_the_nominal_time_tells_is_in_utc(call: Call):
    told = run("2026-11-22T12:00:00+02:00", "2026-11-22T13:00:00+02:00", NOW)
    assert call("run-detail", "m.partitionOf", told) == "2026-11-22-10:00"
    assert call("run-detail", "m.partitionOf", run("2026-11-22T12:05:00Z", None, NOW)) is None


def test_elements_with_the_same_key_all_stay(call: Call):
    body = """(rounds) => {
        const parent = m.svg("g");
        return rounds.map((keys) => {
            m.patch(parent, [...keys].map((key) => m.svg("g", { key })));
            return [...parent.children].map((child) => child.dataset.key).join("");
        });
    }"""
    rounds = ["aab", "aab", "baa", "aba", "ab", "aaab"]
    assert call("dom", body, rounds) == rounds


def test_elements_keep_their_place_in_memory_when_others_come_and_go(call: Call):
    body = """(before, after) => {
        const parent = m.svg("g");
        m.patch(parent, [...before].map((key) => m.svg("g", { key })));
        const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
        m.patch(parent, [...after].map((key) => m.svg("g", { key })));
        return [...parent.children].map((child) => old.get(child.dataset.key) === child);
    }"""
    assert call("dom", body, "abcd", "xdba") == [False, True, True, True]


WALK = """async (seed) => {
    const { layout } = await import("/static/js/layout.js");
    const { buildGraph } = await import("/static/js/model.js");
    let state = seed;
    const random = (below) => (state = (state * 48271) % 2147483647) % below;
    const some = () => Array.from({ length: random(3) }, () => ({ namespace: "d", name: `d${random(25)}` }));
    const one = (_, n) => ({ namespace: "j", name: `j${n}`, inputs: some(), outputs: some() });
    const jobs = Array.from({ length: 20 }, one);
    const graph = buildGraph(jobs);
    const { boxes } = layout(graph);
    const seen = [m.first(boxes)];
    for (let next; (next = m.next("PageDown", seen.at(-1), graph, boxes)); ) seen.push(next);
    const back = [seen.at(-1)];
    for (let next; (next = m.next("PageUp", back.at(-1), graph, boxes)); ) back.push(next);
    const along = [...graph.nodes.keys()].every((key) => {
        const right = m.next("ArrowRight", key, graph, boxes);
        return graph.down.has(key) ? graph.down.get(key).includes(right) : !right || !graph.up.has(key);
    });
    return [graph.nodes.size, new Set(seen).size, seen.length, back.reverse().join() === seen.join(), along];
}"""


@pytest.mark.parametrize("seed", range(1, 6))
def test_keys_reach_every_node_and_arrows_follow_the_edges(call: Call, seed: int):
    nodes, reached, steps, same_way_back, along = call("arrows", WALK, seed)
    assert nodes == reached == steps
    assert same_way_back
    assert along


def test_jobs_are_in_the_order_of_their_numbers(call: Call):
    names = ["job_10", "job_2", "Other", "job_1"]
    body = "(names) => m.sorted(names.map((name) => ({ name, namespace: 'n' }))).map(({ name }) => name)"
    assert call("model", body, names) == ["job_1", "job_2", "job_10", "Other"]
