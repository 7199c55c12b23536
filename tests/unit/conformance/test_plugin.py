"""A test of the matrix that delivers nothing, or something else, is seen."""

import subprocess
import sys
from pathlib import Path

from tests.conformance.matrix import EXPECTED, FILES

ROOT = Path(__file__).parents[3]
RUN = """
import sys, pytest
from tests.conformance.plugin import Account, Conformance
arguments = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", sys.argv[1]]
sys.exit(pytest.main(arguments, plugins=[Conformance(), Account()]))
"""


def test_a_shape_that_delivers_nothing_fails(tmp_path: Path) -> None:
    file = tmp_path / "test_reports.py"
    file.write_text("def test_many_reports_are_read_page_by_page(): pass\n")
    done = subprocess.run([sys.executable, "-c", RUN, str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no DatasetEvent was delivered" in done.stdout
    assert "not seen: test_shapes_of_work::test_a_skipped_output_says_nothing" in done.stdout
    assert f"all 1 shapes{' ':>76}      0       0         1" in done.stdout


def test_every_shape_that_is_expected_is_a_test() -> None:
    tests = {f"{file.stem}::{line[4:].partition('(')[0]}" for file in FILES for line in file.read_text().splitlines()}
    assert set(EXPECTED) <= tests
