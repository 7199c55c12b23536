"""Which run ids a search means."""

from __future__ import annotations

from uuid import UUID

import pytest

from weather_pipeline.marquez.embedded.text_search import run_id_range

_RUN = "0199a000-0000-7000-8000-0000000000aa"


@pytest.mark.parametrize("q", [_RUN, _RUN.upper(), f" {_RUN} ", _RUN[:8], _RUN[:9], _RUN[:20]])
def test_the_beginning_of_a_run_id(q: str) -> None:
    first, last = run_id_range(q) or pytest.fail(q)

    assert first <= UUID(_RUN) <= last


@pytest.mark.parametrize(
    "q",
    ["", "0199a00", "weather", "deadbeef_x", "0199a000-00007000", "0199_a000", "{0199a000}", f"{_RUN}0", "-0199a000"],
)
def test_what_begins_no_run_id(q: str) -> None:
    assert run_id_range(q) is None
