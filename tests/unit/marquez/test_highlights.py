"""Where a search's words stand in a document."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_pipeline.marquez.embedded.highlights import highlight


@pytest.mark.parametrize(
    ("text", "q", "marked"),
    [
        ("weather_history", "weath", "<em>weather</em>_history"),
        ("weather_history", "HISTORY", "weather_<em>history</em>"),
        ("weather_history", "weather hist", "<em>weather</em>_<em>history</em>"),
        ("weather.weather.history", "weather history", "weather.<em>weather</em>.<em>history</em>"),
        ("s3://lake/bronze-2026", "lake/bron", "s3://<em>lake</em>/<em>bronze</em>-2026"),
        ("weatherHistory", "history", "weather<em>History</em>"),
        ("weatherHistory", "weather his", "<em>weather</em><em>History</em>"),
        ("weatherHistory", "weatherhi", "<em>weatherHistory</em>"),
        ("a b a b", "a b", "<em>a</em> <em>b</em> <em>a</em> <em>b</em>"),
        ("Zürich", "zür", "<em>Zürich</em>"),
    ],
)
def test_the_words_are_marked(text: str, q: str, marked: str) -> None:
    assert highlight({"name": text}, ["name"], q) == {"name": [marked]}


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("weather_history", "eather"),
        ("weather_history", "history weather"),
        ("weather_history", "weat history"),
        ("weather_history", "weather_history_2"),
        ("weather_history", "_:/"),
        ("weather_history", " "),
    ],
)
def test_what_does_not_match(text: str, q: str) -> None:
    assert highlight({"name": text}, ["name"], q) == {}


def test_fields_are_found_at_any_depth() -> None:
    columns = {"t": {"inputFields": [{"field": "temp"}, {"field": "time"}]}, "u": {"inputFields": [{"field": "temp"}]}}
    schema = {"fields": [{"name": "temp", "type": ["null", "temp"]}, {"name": "wind", "type": None}]}
    document = {"facets": {"schema": schema, "columnLineage": {"fields": columns}}, "run_id": None}
    fields = (
        "run_id", "missing.name", "facets.schema.fields.name", "facets.schema.fields.type",
        "facets.columnLineage.fields.*.inputFields.field",
    )  # fmt: skip

    assert highlight(document, fields, "temp") == {
        "facets.schema.fields.name": ["<em>temp</em>"],
        "facets.schema.fields.type": ["<em>temp</em>"],
        "facets.columnLineage.fields.t.inputFields.field": ["<em>temp</em>"],
        "facets.columnLineage.fields.u.inputFields.field": ["<em>temp</em>"],
    }


def test_a_long_text_shows_the_pieces_that_match() -> None:
    filler = "nothing to see here " * 20
    text = f"{filler}select rain from gauges {filler}" * 8

    pieces = highlight({"sql": text}, ["sql"], "rain")["sql"]

    assert len(pieces) == 5
    assert all("select <em>rain</em> from gauges" in piece and len(piece) < 150 for piece in pieces)


@given(st.text(max_size=400), st.text(max_size=20))
def test_whatever_is_marked_is_a_piece_of_the_text(text: str, q: str) -> None:
    for pieces in highlight({"x": text}, ["x"], q).values():
        for piece in pieces:
            assert re.sub(r"<em>(.*?)</em>", r"\1", piece, flags=re.DOTALL) in text or "<em>" in text
