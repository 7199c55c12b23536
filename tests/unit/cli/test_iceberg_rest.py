"""What `weather iceberg` tells a REST catalog."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tests.http_server import QuietHandler, serving
from weather_pipeline.cli.iceberg.tables import opened
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings


def settings(**given: object) -> Settings:
    return Settings(**given)  # type: ignore[arg-type]


class RestCatalog(QuietHandler):
    """A REST catalog without tables that lets in who has the token; it keeps what it was asked."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.headers["Authorization"] != "Bearer hush":
            self.reply(401, b'{"error": {"message": "no", "type": "NotAuthorizedException", "code": 401}}')
        elif self.path.startswith("/v1/config"):
            self.reply(200, b'{"defaults": {}, "overrides": {}}')
        else:
            self.reply(200, b'{"namespaces": []}')


@pytest.mark.parametrize(("warehouse", "query"), [(None, ""), ("news", "?warehouse=news")])
def test_a_server_gets_the_token_and_no_warehouse_but_one_that_is_named(warehouse: str | None, query: str) -> None:
    RestCatalog.asked.clear()
    with serving(RestCatalog) as url:
        given = settings(iceberg_catalog="rest", iceberg_uri=url, iceberg_token="hush", iceberg_warehouse=warehouse)
        with opened(given, "demo") as tables:
            assert tables.names() == []
    assert RestCatalog.asked[0] == f"/v1/config{query}"


def test_a_server_without_an_address_says_nothing_of_a_stack() -> None:
    missing = pytest.raises(ConfigurationError, match=r"rest needs an address: WEATHER_ICEBERG_URI=http:")
    with missing as caught, opened(settings(iceberg_catalog="rest"), "demo"):
        pass
    assert "stack" not in str(caught.value)


def test_a_server_that_lets_us_not_in_is_told_with_the_setting() -> None:
    with serving(RestCatalog) as url:
        given = settings(iceberg_catalog="rest", iceberg_uri=url, iceberg_token="other")
        with pytest.raises(ConfigurationError, match="WEATHER_ICEBERG_TOKEN"), opened(given, "demo"):
            pass
