"""When a part counts as ready."""

import socket
from pathlib import Path

from weather_pipeline.stack.ports import HOST
from weather_pipeline.stack.probes import ReadyFileProbe


def test_ready_is_what_listens_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    with socket.create_server((HOST, 0)) as listening:
        probe = ReadyFileProbe(file, listening.getsockname()[1])
        assert not probe.ready()
        file.touch()
        assert probe.ready()
    assert not probe.ready(), "it was killed, and left its file"
