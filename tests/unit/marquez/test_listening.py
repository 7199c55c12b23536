"""Sockets that are taken before anything else is done."""

from __future__ import annotations

import socket

import pytest

from weather_pipeline.errors import PortTaken
from weather_pipeline.marquez.listening import bound
from weather_pipeline.stack.ports import free_port, is_listening


def test_a_port_is_taken_and_refuses_until_somebody_listens() -> None:
    port = free_port()
    (taken,) = bound("127.0.0.1", port, server="A server")
    with taken:
        assert not is_listening(port)
        taken.listen()
        with pytest.raises(
            PortTaken, match=rf"^A server can't listen on 127\.0\.0\.1:{port}: Address already in use\."
        ):
            bound("127.0.0.1", port, server="A server")


def test_a_name_is_listened_on_by_all_its_addresses() -> None:
    port = free_port()
    sockets = bound("localhost", port, server="A server")
    try:
        assert "127.0.0.1" in {each.getsockname()[0] for each in sockets}
        assert {each.getsockname()[1] for each in sockets} == {port}
    finally:
        for each in sockets:
            each.close()


@pytest.mark.parametrize(
    ("host", "reason"), [("192.0.2.1", "no such address"), ("no-such-host.invalid", "[Nn]ame|resolution")]
)
def test_an_address_that_is_not_ours_is_said(host: str, reason: str) -> None:
    with pytest.raises(PortTaken, match=reason):
        bound(host, free_port(), server="A server")


def test_a_port_of_others_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTaken, match="already in use"):
        bound("127.0.0.1", other.getsockname()[1], server="A server")
