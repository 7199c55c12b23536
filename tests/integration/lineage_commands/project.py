"""A small Dagster project as users have one: a folder with definitions, an instance, and its own daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dagster as dg
from click.testing import CliRunner, Result
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from weather_pipeline.cli.lineage import lineage
from weather_pipeline.lineage.projects import Target, load_repositories

DEFINITIONS = """
from datetime import UTC, datetime, timedelta

import dagster as dg

from weather_pipeline.lineage import build_openlineage_sensor


@dg.asset(metadata={"dagster/uri": "postgres://db.example/shop/public/raw"}, owners=["team:shop"])
def raw() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 3})


@dg.asset(
    deps=[raw],
    description="Orders of a day.",
    metadata={"dagster/uri": "postgres://db.example/shop/public/orders"},
    check_specs=[dg.AssetCheckSpec("not_empty", asset="orders")],
)
def orders():
    yield dg.MaterializeResult(
        metadata={
            "openlineage/inputs": [{"namespace": "https://fx.example", "name": "v1/eur"}],
            "dagster/column_schema": dg.TableSchema([dg.TableColumn("id", "bigint")]),
        },
        check_results=[dg.AssetCheckResult(passed=True, check_name="not_empty")],
    )


@dg.asset(deps=[orders], key_prefix="mart")
def by_day() -> None: ...


defs = dg.Definitions(
    assets=[raw, orders, by_day, dg.AssetSpec("rates", metadata={"dagster/uri": "s3://bank/rates"})],
    sensors=[
        build_openlineage_sensor(
            namespace="shop", url="@URL@", since=datetime(2020, 1, 1, tzinfo=UTC), grace=timedelta(0)
        )
    ],
)
"""


@dataclass
class ShopProject:
    """A folder with definitions whose lineage goes to a URL."""

    directory: Path
    url: str

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        (self.directory / "shop.py").write_text(DEFINITIONS.replace("@URL@", self.url))
        (self.directory / "pyproject.toml").write_text('[tool.dagster]\nmodule_name = "shop"\n')

    @property
    def home(self) -> Path:
        return self.directory / "dagster_home"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DAGSTER_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}

    def materialize(self, count: int = 1) -> list[str]:
        """Run all assets so often; the Dagster run ids."""
        repository = load_repositories(Target(python_file=str(self.directory / "shop.py")))[0]
        assets = list(repository.assets_defs_by_key.values())
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            return [dg.materialize(assets, instance=instance).run_id for _ in range(count)]

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """Dagster's own daemon, as users start it."""
        log = self.directory / "daemon.log"
        with log.open("ab") as out:
            command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-m", "shop"]
            process = subprocess.Popen(
                command, cwd=self.directory, env=self.environment, stdout=out, stderr=out, start_new_session=True
            )
        try:
            yield
            assert process.poll() is None, log.read_text()[-3000:]
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)

    def weather(self, *arguments: str, **environment: str) -> Result:
        """`weather lineage …` in the folder."""
        before = Path.cwd()
        os.chdir(self.directory)
        try:
            return CliRunner().invoke(lineage, arguments, env={"DAGSTER_HOME": str(self.home), **environment})
        finally:
            os.chdir(before)

    def json(self, *arguments: str, code: int = 0, to: str | None = None) -> Any:
        """What `weather lineage … --json` prints; with events going to another address than the project's."""
        result = self.weather(*arguments, "--json", **({"OPENLINEAGE_URL": to} if to else {}))
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)


def run_of(location: str, assets: list[dg.AssetsDefinition], instance: dg.DagsterInstance) -> str:
    """A run of assets as a daemon launches it: with the code location that it belongs to. Its id."""
    origins = "dagster._core.remote_origin", "dagster._core.remote_representation.origin"  # the second before 1.12
    origin: Any = import_module(next(each for each in origins if find_spec(each)))
    server = origin.GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name=location)
    repository = origin.RemoteRepositoryOrigin(server, "__repository__")
    definitions = dg.Definitions(assets, jobs=[dg.define_asset_job("all_of_it")], executor=dg.in_process_executor)
    job = definitions.resolve_job_def("all_of_it")
    run = instance.create_run_for_job(job, remote_job_origin=repository.get_job_origin(job.name))
    assert execute_run(InMemoryJob(job), run, instance).success
    return run.run_id


def until(condition: Callable[[], object], seconds: float = 150.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it never came true: {condition}"
        time.sleep(0.2)
