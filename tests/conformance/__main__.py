"""Run the exporter's tests and judge every event that they deliver: `python -m tests.conformance [pytest options]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.conftest import SHARED

_TESTS = Path(__file__).parents[1] / "integration"
MATRIX = [
    *(_TESTS / "lineage" / f"test_{name}.py" for name in ("every_shape", "shapes_of_work", "exact_inputs")),
    *(_TESTS / "lineage" / f"test_{name}.py" for name in ("reports", "launch_causes", "choices")),
    _TESTS / "test_weather_lineage.py",
]
"""The tests that run work of every shape and deliver it whole; those of outages deliver it in parts."""


def main() -> int:
    """Zero where every test passed and nothing was found; where the schemas are not there, zero but in CI."""
    if not (SHARED / "lineage" / "spec").exists():
        where = f"{SHARED}/lineage/spec"
        sys.stderr.write(
            f"Nothing was judged: OpenLineage's schemas are not part of the project, and not here: {where}\n"
        )
        return int(os.environ.get("CI") == "true")
    return pytest.main(["-p", "tests.conformance.plugin", "-q", *map(str, MATRIX), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
