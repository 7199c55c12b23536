"""A command in an install without its extra says which one to install."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

from weather_pipeline.cli import FAILED, exit_code
from weather_pipeline.cli.extras import extra_with

ROOT = Path(__file__).resolve().parents[3]
BASE = {"attr", "click", "dagster", "dagster_pipes", "dagster_shared", "openlineage", "requests", "urllib3"}
"""What the base install brings; urllib3 comes with requests, dagster_pipes with Dagster."""


def imported(package: Path) -> set[str]:
    """The names of all packages of others that a package imports anywhere."""
    found: set[str] = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"weather_pipeline"}


def test_every_module_that_the_base_install_lacks_has_its_extra() -> None:
    unknown = {name for name in imported(ROOT / "weather_pipeline") - BASE if extra_with(name) is None}
    assert not unknown
    assert not {name for name in BASE if extra_with(name)}


def test_the_extras_named_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extra_with("duckdb") in extras
    assert extra_with("psycopg.sql") in extras
    assert extra_with("confluent_kafka") in extras
    assert extra_with("a_module_of_the_user") is None
    assert extra_with(None) is None


def missing(module: str) -> None:
    raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def test_a_missing_extra_is_said_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: missing("duckdb")) == FAILED
    error = capsys.readouterr().err
    assert error == (
        "Error: this command needs duckdb, which is not installed here: install weather-pipeline with its extra "
        "'stack', as in pip install 'PATH-TO-CHECKOUT[stack]'.\n"
    )


@pytest.mark.parametrize(("module", "debug"), [("duckdb", True), ("a_module_of_the_user", False)])
def test_what_no_extra_brings_keeps_its_traceback(module: str, debug: bool) -> None:
    with pytest.raises(ModuleNotFoundError):
        exit_code(lambda: missing(module), debug=debug)
