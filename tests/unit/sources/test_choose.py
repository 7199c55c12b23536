"""Which limits and which hosts the settings mean; nothing is asked."""

from typing import Any

import pytest
from pydantic import SecretStr

from weather_pipeline.settings import Settings
from weather_pipeline.sources.budget import FREE_TIER, Limits
from weather_pipeline.sources.choose import account, limits

KEY = SecretStr("key")


@pytest.mark.parametrize(
    ("given", "forecast", "archive"),
    [
        ({}, "https://api.open-meteo.com", "https://archive-api.open-meteo.com"),
        (
            {"open_meteo_api_key": KEY},
            "https://customer-api.open-meteo.com",
            "https://customer-archive-api.open-meteo.com",
        ),
        (
            {"open_meteo_api_key": KEY, "open_meteo_url": "http://own", "open_meteo_archive_url": "http://old"},
            "http://own",
            "http://old",
        ),
    ],
)
def test_a_key_is_for_the_customers_hosts_unless_others_are_named(
    given: dict[str, Any], forecast: str, archive: str
) -> None:
    settings = Settings(**given)
    assert settings.effective_open_meteo_url == forecast
    assert settings.effective_open_meteo_archive_url == archive


@pytest.mark.parametrize(
    ("url", "given", "expected"),
    [
        ("https://api.open-meteo.com", {}, FREE_TIER),
        ("https://archive-api.open-meteo.com", {}, FREE_TIER),
        ("https://customer-api.open-meteo.com", {}, Limits()),
        ("http://127.0.0.1:8080", {}, Limits()),
        ("https://customer-api.open-meteo.com", {"open_meteo_minute_limit": 5000}, Limits(minute=5000)),
        ("https://api.open-meteo.com", {"open_meteo_day_limit": 0}, Limits(minute=600, hour=5000)),
    ],
)
def test_the_free_tiers_limits_are_the_default_where_it_answers(
    url: str, given: dict[str, Any], expected: Limits
) -> None:
    assert limits(Settings(**given), url) == expected


def test_forecast_and_archive_share_the_limits_and_other_servers_have_their_own() -> None:
    assert account("https://api.open-meteo.com") == account("https://archive-api.open-meteo.com")
    assert account("https://customer-api.open-meteo.com") == account("https://customer-archive-api.open-meteo.com")
    urls = ("https://api.open-meteo.com", "https://customer-api.open-meteo.com", "http://h:1", "http://h:2")
    assert len({account(url) for url in urls}) == 4
