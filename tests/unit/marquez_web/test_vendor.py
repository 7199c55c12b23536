"""Vendored files are what their README says, and the page's files name no other host."""

import hashlib
import re
from pathlib import Path

import pytest

from weather_pipeline.marquez import web

STATIC = Path(web.__file__).parent / "static"
VENDORED = sorted((STATIC / "vendor").iterdir())
OWN = sorted(file for file in STATIC.rglob("*") if file.is_file() and "vendor" not in file.parts)


@pytest.mark.parametrize("directory", VENDORED, ids=lambda directory: directory.name)
def test_vendored_files_are_unchanged_and_carry_their_licence(directory: Path):
    readme = (directory / "README.md").read_text()
    sums = {
        hashlib.sha256(file.read_bytes()).hexdigest() for file in directory.iterdir() if file.suffix in {".js", ".css"}
    }
    assert sums == set(re.findall(r"\b[0-9a-f]{64}\b", readme))
    assert (directory / "LICENSE").stat().st_size > 0


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.name)
def test_own_files_load_nothing_from_another_host(file: Path):
    hosts = set(re.findall(r"https?://[^\s\"'`)<>]+", file.read_text())) - {"http://www.w3.org/2000/svg"}
    assert hosts == set()


@pytest.mark.parametrize("file", [file for file in OWN if file.suffix == ".js"], ids=lambda file: file.name)
def test_scripts_never_insert_markup(file: Path):
    text = file.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text)
