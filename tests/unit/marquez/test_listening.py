"""Sockets that are taken before anything else is done."""

from __future__ import annotations

import socket

import pytest

from weather_pipeline.errors import ConfigurationError, PortTaken
from weather_pipeline.marquez.listening import bound, check_host
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
    ("host", "reason"),
    [
        ("192.0.2.1", "this machine has no such address"),
        ("2001:db8::1", "this machine has no such address|[Aa]ddress family"),
        ("no-such-host.invalid", "[Nn]ame|resolution"),
        ("127.0.0.1:5000", "[Nn]ame|resolution"),
        ("localhost..", "no host's name|[Nn]ame|resolution"),
        (f"{'a' * 64}.example", "no host's name|[Nn]ame|resolution"),
    ],
)
def test_a_host_that_is_not_ours_is_said_with_what_to_check(host: str, reason: str) -> None:
    for listen in (lambda: bound(host, free_port(), server="A server"), lambda: check_host(host, server="A server")):
        with pytest.raises(ConfigurationError, match=reason) as refused:
            listen()
        assert str(refused.value).startswith(f"A server can't listen on {host}: ")
        assert "Check --host" in str(refused.value)
        assert "--port" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_host_of_ours_is_fine_whatever_is_taken(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)):
        check_host(host, server="A server")


def test_a_port_of_others_is_said() -> None:
    words = r"already in use\. Give another with --port\."
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTaken, match=words):
        bound("127.0.0.1", other.getsockname()[1], server="A server")
