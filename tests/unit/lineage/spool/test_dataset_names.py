"""Datasets of Spark's listener under the names that every producer gives them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.openlineage_spec import findings
from tests.unit.lineage.spool.events import event
from weather_pipeline.lineage.model import DatasetRef
from weather_pipeline.lineage.naming import InvalidName, Place
from weather_pipeline.lineage.spool.dataset_names import with_canonical_names

_SPEC = "https://openlineage.io/spec/facets"
_SPARK = event("START")["producer"]


def facet(kind: str, version: str, **fields: Any) -> dict[str, Any]:
    return {"_producer": _SPARK, "_schemaURL": f"{_SPEC}/{version}/{kind}.json#/$defs/{kind}", **fields}


def table(home: str) -> dict[str, Any]:
    """An Iceberg table as the listener names it: by its path."""
    made_of = {"namespace": "file", "name": f"{home}/in/a.csv", "field": "id", "transformations": []}
    link = {"namespace": "hive://lake-catalog:0", "name": "news.articles_raw", "type": "TABLE"}
    return {
        "namespace": "file",
        "name": f"{home}/warehouse/news/articles_raw",
        "facets": {
            "catalog": facet("CatalogDatasetFacet", "1-0-0", framework="iceberg", type="hive", name="demo"),
            "symlinks": facet("SymlinksDatasetFacet", "1-0-1", identifiers=[link]),
            "columnLineage": facet(
                "ColumnLineageDatasetFacet", "1-2-0", fields={"id": {"inputFields": [made_of]}}, dataset=[made_of]
            ),
        },
    }


def csv(home: str, name: str, size: int) -> dict[str, Any]:
    statistics = facet("InputStatisticsInputDatasetFacet", "1-0-0", size=size, fileCount=1)
    return {
        "namespace": "file",
        "name": f"{home}/in/{name}",
        "facets": {},
        "inputFacets": {"inputStatistics": statistics},
    }


def told(home: str) -> dict[str, Any]:
    places = [Place(DatasetRef("file", f"{home}/in"), DatasetRef("file", "data/scraped"))]
    written = event("COMPLETE", inputs=(csv(home, "a.csv", 10), csv(home, "b.csv", 5)), outputs=(table(home),))
    return with_canonical_names(written, places)


def names(event: dict[str, Any], side: str) -> list[tuple[str, str]]:
    return [(each["namespace"], each["name"]) for each in event[side]]


def test_a_table_goes_by_its_catalog_and_files_by_their_place() -> None:
    found = told("/srv/one")
    assert names(found, "inputs") == [("file", "data/scraped")]
    assert names(found, "outputs") == [("iceberg://demo", "demo.news.articles_raw")]
    assert findings(found) == []


def test_names_are_equal_on_every_machine() -> None:
    one, other = told("/srv/one"), told("/home/me/other")
    for side in ("inputs", "outputs"):
        assert names(one, side) == names(other, side)
    lineage = [each["outputs"][0]["facets"]["columnLineage"] for each in (one, other)]
    assert lineage[0] == lineage[1]
    (source,) = lineage[0]["fields"]["id"]["inputFields"]
    assert (source["namespace"], source["name"], source["field"]) == ("file", "data/scraped", "id")


def test_where_it_lies_is_a_symlink() -> None:
    (link,) = told("/srv/one")["outputs"][0]["facets"]["symlinks"]["identifiers"]
    assert link == {"namespace": "file", "name": "/srv/one/warehouse/news/articles_raw", "type": "LOCATION"}


def test_the_files_of_a_dataset_are_one_and_their_sizes_are_added() -> None:
    (read,) = told("/srv/one")["inputs"]
    assert (read["inputFacets"]["inputStatistics"]["size"], read["inputFacets"]["inputStatistics"]["fileCount"]) == (
        15,
        2,
    )
    assert [each["name"] for each in read["facets"]["symlinks"]["identifiers"]] == [
        "/srv/one/in/a.csv",
        "/srv/one/in/b.csv",
    ]


def test_what_lies_nowhere_known_keeps_its_name() -> None:
    other = {"namespace": "s3://elsewhere", "name": "prefix", "facets": {}}
    found = with_canonical_names(event("COMPLETE", inputs=(other,)), [])
    assert names(found, "inputs") == [("s3://elsewhere", "prefix")]
    assert "symlinks" not in found["inputs"][0]["facets"]


def test_a_name_that_a_backend_would_choke_on_is_refused() -> None:
    bad = {"namespace": "a space", "name": "x", "facets": {}}
    with pytest.raises(InvalidName, match="a space"):
        with_canonical_names(event("COMPLETE", inputs=(bad,)), [])


def test_what_a_table_says_of_itself_is_no_dataset() -> None:
    snapshots = table("/srv")
    snapshots["facets"]["symlinks"]["identifiers"][0]["name"] += ".snapshots"
    assert with_canonical_names(event("COMPLETE", inputs=(snapshots, table("/srv"))), [])["inputs"][1:] == []


def test_the_innermost_place_names_it() -> None:
    places = [
        Place(DatasetRef("file", "/lake"), DatasetRef("file", "lake")),
        Place(DatasetRef("file", "/lake/silver/weather"), DatasetRef("file", "lake/silver/weather")),
    ]
    found = [
        with_canonical_names(event("COMPLETE", inputs=({"namespace": "file", "name": name},)), places)
        for name in ("/lake/silver/weather/2026/11", "/lake/bronze", "/lakes", "/lake/silver/weather")
    ]
    assert [names(each, "inputs")[0][1] for each in found] == [
        "lake/silver/weather",
        "lake",
        "/lakes",
        "lake/silver/weather",
    ]
