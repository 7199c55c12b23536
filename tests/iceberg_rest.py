"""A real server of Iceberg's REST protocol for tests: the project's own (`RESTCatalogServer`), on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pyspark
import requests

from tests.tools import missing
from weather_pipeline.errors import StackError
from weather_pipeline.spark.jars import wanted_jars
from weather_pipeline.stack.jars import class_path, fetch_jars, locked_jars
from weather_pipeline.stack.java import find_java
from weather_pipeline.stack.logs import tail
from weather_pipeline.stack.ports import HOST, free_port

_PATIENCE = 120.0


class IcebergRestServer:
    """The server; skips the test where its jars or a Java can't be had.

    Args:
        directory: Where its log goes.
        jars: Where its jars are kept, for this session and later ones.
        spark_jars: Those of Spark jobs, with those for S3: it writes metadata into the bucket too.
        database: Where it keeps the catalog, `postgresql://user:password@host:port/database`.
        properties: Properties of the catalog, as `s3.endpoint`.
    """

    def __init__(
        self, directory: Path, *, jars: Path, spark_jars: Path, database: str, properties: Mapping[str, str]
    ) -> None:
        try:
            own, self._java = fetch_jars(locked_jars("iceberg-rest-test"), jars), find_java()
        except StackError as error:
            missing(str(error))
        needed = ("postgresql", "iceberg-aws-bundle")
        shared = [spark_jars / jar.name for jar in wanted_jars(s3=True) if jar.artifact in needed]
        hadoop = sorted((Path(pyspark.__file__).parent / "jars").glob("hadoop-client-*.jar"))
        self._class_path = class_path([*own, *shared, *hadoop])
        self._log, self._port = directory / "rest.log", free_port()
        at = urlsplit(database)
        self._properties = {
            **properties,
            "catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
            "uri": f"jdbc:postgresql://{at.hostname}:{at.port}{at.path}",
            "jdbc.user": at.username or "",
            "jdbc.password": at.password or "",
            "rest.port": str(self._port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        # It reads its properties from variables: - is __ there, and . is _.
        said = {
            f"CATALOG_{name.replace('-', '__').replace('.', '_').upper()}": value
            for name, value in self._properties.items()
        }
        command = [self._java.program, "-Xmx256m", "-cp", self._class_path, "org.apache.iceberg.rest.RESTCatalogServer"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env={**os.environ, **said}, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self._process.poll() is None, tail(self._log)
            assert time.monotonic() < deadline, tail(self._log)
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/v1/config", timeout=10).ok
        except requests.RequestException:
            return False
