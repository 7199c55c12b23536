"""A real Kafka broker: one node that is its own controller (KRaft), on loopback, from jars and a Java of the wheel."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from weather_pipeline.errors import StackError
from weather_pipeline.stack.jars import class_path
from weather_pipeline.stack.java import Java
from weather_pipeline.stack.logs import tail
from weather_pipeline.stack.ports import HOST, free_port

_START_TIMEOUT = 120.0
_STOP_TIMEOUT = 30.0

_STARTED = "Kafka Server started"
"""What the broker logs once it takes requests: its port is open before, while it refuses to make topics."""

READY = "ready"
"""The file in its directory that is there while the broker takes requests."""

_LOGGING = """\
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
rootLogger.level=WARN
rootLogger.appenderRefs=stdout
rootLogger.appenderRef.stdout.ref=STDOUT
appender.stdout.type=Console
appender.stdout.name=STDOUT
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=[%d] %p %m (%c)%n
"""


class KafkaBroker:
    """One Kafka broker in one directory.

    Args:
        directory: Where data and configuration lie; made when missing.
        java: The Java that runs it.
        jars: Kafka's own jars and all that they need (the set `kafka` of `jars.lock`).
        port: TCP port on 127.0.0.1 for clients; None takes any free one.
        controller_port: TCP port on 127.0.0.1 for the controller; None takes any free one.
        log_file: Where the broker's output goes.
        heap_mb: The largest heap, MiB.
        options: Broker settings by name, as in `server.properties`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        java: Java,
        jars: Sequence[Path],
        port: int | None = None,
        controller_port: int | None = None,
        log_file: Path,
        heap_mb: int = 256,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.port = port or free_port()
        self.controller_port = controller_port or free_port()
        self.log_file = log_file.absolute()
        self.process: subprocess.Popen[Any] | None = None
        self._java, self._class_path, self._heap_mb = java, class_path(jars), heap_mb
        self._options = dict(options or {})

    @property
    def address(self) -> str:
        """What clients need as `bootstrap.servers`."""
        return f"{HOST}:{self.port}"

    def start(self) -> subprocess.Popen[Any]:
        """Format the storage where needed, start the broker and wait until it takes requests.

        Returns:
            The running broker.

        Raises:
            StackError: The broker did not start; carries the end of its log.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._ready.unlink(missing_ok=True)
        (self.directory / "log4j2.properties").write_text(_LOGGING)
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in self._settings().items()))
        self._format()
        with self.log_file.open("ab") as log:
            beginning = log.tell()
            # A session of its own: Ctrl-C in the terminal must reach the stack, which stops its parts in order.
            self.process = subprocess.Popen(
                self._command("kafka.Kafka", str(self._properties)),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._wait_until_ready(self.process, beginning)
        self._ready.touch()
        return self.process

    def stop(self) -> None:
        """Stop in order, then by force if that takes too long."""
        process, self.process = self.process, None
        if process is not None:
            self._ready.unlink(missing_ok=True)
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_TIMEOUT)

    def destroy(self) -> None:
        """Stop the broker and remove all it has written but its log."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _ready(self) -> Path:
        return self.directory / READY

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _settings(self) -> dict[str, str]:
        controller = f"{HOST}:{self.controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self._data),
            # One node: nothing can be replicated.
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            **self._options,
        }

    def _command(self, main: str, *arguments: str) -> list[str]:
        return [
            str(self._java.program),
            f"-Xmx{self._heap_mb}m",
            "-XX:+UseSerialGC",  # the smallest, and enough for one node
            f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
            "-cp",
            self._class_path,
            main,
            *arguments,
        ]

    def _format(self) -> None:
        if (self._data / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Written with "=": an id may begin as an option does.
        arguments = ("format", "--ignore-formatted", f"--cluster-id={cluster}", "--config", str(self._properties))
        command = self._command("kafka.tools.StorageTool", *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise StackError(f"Kafka's storage in {self.directory} could not be formatted: {said}")

    def _wait_until_ready(self, process: subprocess.Popen[Any], beginning: int) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while _STARTED not in self.log_file.read_bytes()[beginning:].decode(errors="replace"):
            if process.poll() is not None:
                raise StackError(
                    f"Kafka ended with code {process.returncode} while starting on port {self.port}. "
                    f"The end of {self.log_file}:\n{tail(self.log_file)}"
                )
            if time.monotonic() > deadline:
                self.stop()
                raise StackError(
                    f"Kafka did not answer on port {self.port} within {_START_TIMEOUT:.0f} s. "
                    f"The end of {self.log_file}:\n{tail(self.log_file)}"
                )
            time.sleep(0.1)
