"""What the built wheel holds."""

from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_has_the_files_that_are_not_code() -> None:
    files = {included.distribution_path for included in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert "weather_pipeline/py.typed" in files  # without it type checkers ignore the package's types
    assert "weather_pipeline/stack/dagster.yaml" in files
    assert "weather_pipeline/jars.lock" in files
    assert "weather_pipeline/marquez/web/static/index.html" in files
    assert any(name.startswith("weather_pipeline/store/migrations/") for name in files)
