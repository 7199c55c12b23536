"""Which names in `Host` lead to this machine and nowhere else."""

from __future__ import annotations

import pytest

from weather_pipeline.marquez.own_names import is_own_name


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:5000",
        "LOCALHOST.",
        "page.localhost",
        "127.0.0.1:5000",
        "192.168.0.7",
        "[::1]",
        "[::1]:80",
    ],
)
def test_no_web_page_can_make_its_own_name_one_of_these(host: str) -> None:
    assert is_own_name(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "127.0.0.1.evil.example:5000",
        "notlocalhost",
        "1.2.3",
        "[::1",
        "127.0.0.1 evil.example",
        "",
    ],
)
def test_others_may_lead_anywhere(host: str) -> None:
    assert not is_own_name(host)
