"""A real Spark cluster for tests: a standalone master and workers from PySpark's wheel, on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pyspark
import requests

from weather_pipeline.spark.java import find_spark_java, java_home
from weather_pipeline.stack.logs import tail
from weather_pipeline.stack.ports import HOST, free_port

_PATIENCE = 120.0
"""Seconds until all have found each other, and until an application's executors have gone."""
_TASK = re.compile(r"Running task [\d.]+ in stage [\d.]+")


class SparkCluster:
    """One master, and workers of one core each.

    Args:
        directory: Where each has its log and its work; made where it is missing.
        workers: How many.
        memory: What a worker may give to executors.
    """

    def __init__(self, directory: Path, *, workers: int = 2, memory: str = "1g") -> None:
        self._directory, self._workers, self._memory = directory, workers, memory
        self._port, self._page = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """What `SPARK_MASTER` says."""
        return f"spark://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            master = ("--host", HOST, "--port", str(self._port), "--webui-port", str(self._page))
            self._start("master", "org.apache.spark.deploy.master.Master", *master)
            self._wait(lambda: self.state() is not None)
            for number in range(self._workers):
                name = f"worker-{number}"
                its = ("--host", HOST, "--cores", "1", "--memory", self._memory, "--webui-port", str(free_port()))
                where = ("--work-dir", str(self._directory / name), self.url)
                self._start(name, "org.apache.spark.deploy.worker.Worker", *its, *where)
            self._wait(lambda: (self.state() or {}).get("aliveworkers") == self._workers)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the workers, which end their executors, then the master."""
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for jar in self._directory.glob("worker-*/app-*/*/*.jar"):
            jar.unlink()  # each executor was sent all of them, and pytest keeps its directories

    def state(self) -> dict[str, Any] | None:
        """What the master says of itself; None while it does not answer."""
        try:
            answer = requests.get(f"http://{HOST}:{self._page}/json/", timeout=10)
        except requests.RequestException:
            return None
        found: dict[str, Any] | None = answer.json() if answer.ok else None
        return found

    def applications(self) -> dict[str, str]:
        """The names of the applications that it has run to their end, and how each ended."""
        self._wait(lambda: not (self.state() or {"activeapps": [None]})["activeapps"])
        return {each["name"]: each["state"] for each in (self.state() or {})["completedapps"]}

    def tasks(self) -> list[int]:
        """How many tasks the executors of each worker have run."""
        return [
            sum(len(_TASK.findall(log.read_text())) for log in self.executor_logs(number))
            for number in range(self._workers)
        ]

    def executor_logs(self, worker: int) -> list[Path]:
        """The logs of a worker's executors."""
        return sorted((self._directory / f"worker-{worker}").glob("app-*/*/stderr"))

    def _start(self, name: str, kind: str, *arguments: str) -> None:
        home = Path(pyspark.__file__).parent
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
        java = java_home(find_spark_java(environment), self._directory / "java")
        ours: Mapping[str, str] = {
            "JAVA_HOME": str(java),
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_CONF_DIR": str(self._directory),
            "SPARK_DAEMON_MEMORY": "256m",
        }
        with self._log(name).open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [home / "bin" / "spark-class", kind, *arguments],
                    env={**environment, **ours},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def _wait(self, is_so: Any) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not is_so():
            ended = [process.args for process in self._processes if process.poll() is not None]
            logs = "\n".join(tail(log) for log in sorted(self._directory.glob("*.log")))
            assert not ended, logs
            assert time.monotonic() < deadline, logs
            time.sleep(0.2)
