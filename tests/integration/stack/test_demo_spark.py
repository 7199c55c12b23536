"""`weather demo --spark`, whole: Kafka, Spark jobs launched by Dagster, Iceberg tables, and their lineage on screen."""

from __future__ import annotations

import json
import re
import signal

import pytest
import requests
from playwright.sync_api import expect, sync_playwright

from tests.integration.stack.conftest import Live, Site
from tests.integration.stack.test_demo import start_demo
from tests.integration.stack.test_page_walk import Walker
from tests.screenshots import keep
from tests.tools import CHROMIUM_ARGUMENTS, chromium

pytestmark = [pytest.mark.integration, pytest.mark.browser, pytest.mark.timeout(600)]

TABLE = ("iceberg://demo", "demo.news.articles_raw")
ORIGINS = ("weather_pipeline/articles", "articles.raw.v1")
"""The datasets of the files and of the topic, from which its articles come."""


@pytest.fixture
def spark_site(site: Site, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A state directory whose jars are those that other tests have fetched."""
    assert pytestconfig.cache is not None
    jars = pytestconfig.cache.mkdir("jars")
    monkeypatch.setenv("WEATHER_SPARK_JARS", str(jars / "spark"))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    (site.home / "jars").mkdir(parents=True)
    (site.home / "jars" / "kafka").symlink_to(jars)
    return site


def test_articles_and_weather_are_in_iceberg_and_their_lineage_is_on_the_page(spark_site: Site) -> None:
    demo = start_demo(spark_site, "--hours", "2", "--spark")
    assert demo.stdout is not None
    panel: list[str] = []
    while not any("Ctrl-C stops everything" in line for line in panel):
        line = demo.stdout.readline()
        assert line, demo.communicate()
        panel.append(line)
    assert any("3 jobs" in line and "with columns" in line for line in panel if line.startswith("Spark")), panel

    marquez = Live(spark_site).marquez
    for job in ("batch_write_raw_with_lineage", "stream_write_raw_with_lineage", "weather_history"):
        assert [run.state for run in marquez.runs("neuronews", job)] == ["COMPLETED"]
    title = {"nodeId": f"datasetField:{TABLE[0]}:{TABLE[1]}:title"}
    columns = requests.get(f"{marquez.base_url}/api/v1/column-lineage", params=title, timeout=30).json()["graph"]
    assert {node["data"]["dataset"] for node in columns} == {TABLE[1], *ORIGINS}
    graph = marquez.lineage("job:neuronews:weather_history", depth=20)
    assert {"dataset:iceberg://demo:demo.weather.history", "job:weather-pipeline:raw_weather_data_dagster"} <= {
        node.id for node in graph.graph
    }

    on_the_page(f"http://127.0.0.1:{5001 + spark_site.offset}")
    status = json.loads(spark_site.weather("status", "--json").stdout)
    assert {part["name"]: part["state"] for part in status["parts"]}["kafka"] == "up"
    demo.send_signal(signal.SIGINT)
    _, err = demo.communicate(timeout=100)
    assert demo.returncode == 0, err


def on_the_page(url: str) -> None:
    """The table of articles, from the files and from the topic, to a column."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        walker = Walker(browser, url)
        page, panel = walker.page, walker.page.locator("#panel")
        page.goto(f"{url}/#/neuronews/graph/dataset/iceberg%3A%2F%2Fdemo/{TABLE[1]}")
        expect(panel.locator("h2")).to_have_text(TABLE[1])
        for job in ("batch_write_raw_with_lineage", "stream_write_raw_with_lineage"):
            expect(page.locator(".node", has=page.locator("title", has_text=re.compile(rf"^{job}\n")))).to_have_count(1)
        panel.locator(".columns").get_by_role("link", name="title").click()
        origins = panel.locator(".chosen-column .block", has_text="Comes from")
        for origin in ORIGINS:
            expect(origins).to_contain_text(origin)
        keep(page, "articles")
        assert walker.troubles == []
        browser.close()
