"""Free ports, taken ports, and the way out."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weather_pipeline.errors import PortTaken
from weather_pipeline.stack.ports import (
    PortNeed,
    check_ports,
    free_offset,
    free_port,
    is_free,
    is_listening,
    port_owner,
)

HOME = Path("/srv/weather")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_free_port_is_free() -> None:
    port = free_port()
    assert is_free(port)
    assert not is_listening(port)
    check_ports([PortNeed(port, "test")], offset=0, home=HOME)


def test_a_taken_port_is_named_with_its_purpose_and_process_and_a_free_offset(taken: int) -> None:
    assert not is_free(taken)
    with pytest.raises(PortTaken) as error:
        check_ports([PortNeed(taken, "Dagster UI"), PortNeed(free_port(), "lineage API")], offset=0, home=HOME)
    message = str(error.value)
    assert f"Port {taken} (Dagster UI) is taken by" in message
    assert f"(pid {os.getpid()})" in message
    assert message.count("is taken by") == 1
    suggested = int(message.rsplit("--port-offset ", 1)[1].split(maxsplit=1)[0])
    assert is_free(taken + suggested)
    assert message.endswith("`weather doctor ports --home /srv/weather` says more.")


def test_a_port_of_another_stack_is_named_with_its_directory(tmp_path: Path) -> None:
    script = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)"
    script += "; sys.stdin.read()"
    environment = {**os.environ, "WEATHER_STACK_ID": "other", "WEATHER_HOME": str(tmp_path)}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        owner = port_owner(port)
        with pytest.raises(PortTaken) as error:
            check_ports([PortNeed(port, "lineage API")], offset=0, home=HOME)
        other.kill()
    assert (owner.pid, owner.home) == (other.pid, str(tmp_path))
    assert f"(pid {other.pid}) of the stack of {tmp_path}." in str(error.value)
    assert f"Stop it with `weather down --home {tmp_path}`, or move every port" in str(error.value)


def test_every_interface_counts() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert not is_free(server.getsockname()[1])


def test_an_offset_is_skipped_where_one_of_its_ports_is_taken(taken: int) -> None:
    base = taken - 100
    assert free_offset([base]) != 100
    assert free_offset([65500]) is None
