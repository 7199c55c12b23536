"""Dagster's non-public parts are used in one module, which says clearly when one of them is gone."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from weather_pipeline import lineage
from weather_pipeline.lineage import dagster_internals

PACKAGE = Path(lineage.__file__).parent
MODULES = [file for file in PACKAGE.rglob("*.py") if file.name != "dagster_internals.py"]


def is_internal(module: str) -> bool:
    first, *rest = module.split(".")
    return first == "dagster_shared" or (first == "dagster" and any(part.startswith("_") for part in rest))


def imported(tree: ast.AST) -> set[str]:
    """The modules that code imports, and the names from them, dotted; imports for type checkers included."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("dagster"):
            found.add(node.value)  # importlib.import_module("dagster._core…")
    return found


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_other_module_uses_what_dagster_does_not_make_public(file: Path) -> None:
    tree = ast.parse(file.read_text())
    assert not {name for name in imported(tree) if is_internal(name)}
    private = frozenset().union(*dagster_internals.ATTRIBUTES.values())
    assert not {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & private


@pytest.mark.parametrize(
    ("name", "internal"),
    [
        ("dagster._core.events.DagsterEvent", True),
        ("dagster_shared.error", True),
        ("dagster.DagsterEvent", False),
        ("dagster_postgres", False),
    ],
)
def test_what_counts_as_internal(name: str, internal: bool) -> None:
    assert is_internal(name) is internal


def load_after(code: str) -> str:
    """What the package says when it is loaded by a Dagster that was changed by this code."""
    script = f"import sys, dagster\n{code}\nimport weather_pipeline.lineage"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            "del sys.modules['dagster._core.definitions.run_request'].DagsterRunReaction",
            "dagster._core.definitions.run_request.DagsterRunReaction",
        ),
        ("sys.modules['dagster_shared.error'] = None", "dagster_shared.error.SerializableErrorInfo"),
        ("del dagster.DagsterEvent.step_failure_data", "DagsterEvent.step_failure_data"),
        ("del dagster.DagsterInstance.daemon_cursor_storage", "DagsterInstance.daemon_cursor_storage"),
    ],
)
def test_a_dagster_without_a_needed_part_is_refused_at_import(change: str, part: str) -> None:
    from dagster import __version__

    message = load_after(change)
    assert "UnsupportedDagster" in message
    assert f"Dagster {__version__} has no {part}," in message
    assert dagster_internals.SUPPORTED in message


def test_the_supported_range_is_the_package_s_dependency() -> None:
    pyproject = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())
    assert f"dagster{dagster_internals.SUPPORTED}" in pyproject["project"]["dependencies"]
    lowest = dagster_internals.SUPPORTED.split(",")[0].removeprefix(">=")
    assert f"dagster=={lowest}.0" in pyproject["dependency-groups"]["dagster-oldest"]
