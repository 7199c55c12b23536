"""The Dagster instance and the workspace that the project ships."""

from pathlib import Path

import yaml
from dagster._core.instance.config import dagster_instance_config

from weather_pipeline.stack import supervisor

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = Path(supervisor.__file__).with_name("dagster.yaml")


def test_dagster_accepts_the_instance_file() -> None:
    config, _ = dagster_instance_config(str(SHIPPED.parent))
    assert config["storage"]["postgres"]["postgres_url"] == {"env": "WEATHER_DAGSTER_DATABASE_URL"}
    assert config["sensors"]["use_threads"] is True
    assert config["telemetry"]["enabled"] is False
    assert config["run_monitoring"]["enabled"] is True
    assert config["run_retries"] == {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}
    assert config["concurrency"]["runs"]["max_concurrent_runs"] == 4
    assert config["freshness"] == {"enabled": True}
    assert config["run_queue"]["dequeue_interval_seconds"] == 1


def test_the_checkout_and_the_package_have_the_same_file() -> None:
    assert (ROOT / "dagster_home" / "dagster.yaml").read_bytes() == SHIPPED.read_bytes()


def test_the_workspace_loads_the_package() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    module = {"module_name": "weather_pipeline.definitions", "location_name": "weather_pipeline"}
    assert workspace == {"load_from": [{"python_module": module}]}
