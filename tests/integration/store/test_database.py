"""How the warehouse is connected to."""

import socket

import pytest

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.store.database import connected

pytestmark = pytest.mark.integration


def options(url: str) -> dict[int, int]:
    """What the kernel was told about a connection."""
    wanted = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
    with connected(url) as connection, socket.socket(fileno=connection.fileno()) as wire:
        found = {option: wire.getsockopt(socket.IPPROTO_TCP, option) for option in wanted}
        wire.detach()
    return found


def test_a_server_that_is_gone_is_noticed_after_a_minute_unless_the_url_says_otherwise(warehouse: str) -> None:
    assert list(options(warehouse).values()) == [30, 10, 3, 60_000]
    assert list(options(f"{warehouse}?keepalives_idle=5&tcp_user_timeout=7000").values()) == [5, 10, 3, 7000]


@pytest.mark.parametrize("url", ["postgresql//user:s3cret@host/db", "postgresql://user:s3cret%@host/db"])
def test_a_url_that_can_not_be_used_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match="WEATHER_DATABASE_URL can't be used") as caught, connected(url):
        pass
    assert "s3cret" not in f"{caught.value}{caught.value.__cause__}"
