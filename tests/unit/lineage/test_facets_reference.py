"""docs/exporter-facets.md names what there is, and its examples run."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from weather_pipeline.lineage import facets
from weather_pipeline.lineage.facets.custom import STANDARD
from weather_pipeline.lineage.facets.hook import FacetKind
from weather_pipeline.lineage.policy import EmissionPolicy

TEXT = (Path(__file__).parents[3] / "docs" / "exporter-facets.md").read_text()
CODE = "".join(file.read_text() for file in Path(facets.__file__).parent.glob("*.py"))
NOT_SENT = {"sourceCode", "lineage"}
"""Standard facets that only a user's own metadata or hook can give, on some kinds."""


@pytest.mark.parametrize("key", sorted(set(re.findall(r'"openlineage/([a-z_]+)"', CODE))))
def test_every_metadata_key_is_described(key: str) -> None:
    assert f"openlineage/{key}" in TEXT or f"`/{key}`" in TEXT


@pytest.mark.parametrize("kind", FacetKind)
def test_every_facet_is_described(kind: FacetKind) -> None:
    for key in set(STANDARD[kind]) - NOT_SENT:
        assert f"`{key}`" in TEXT


def test_every_choice_of_the_policy_is_described() -> None:
    for each in fields(EmissionPolicy):
        assert f"`{each.name}`" in TEXT


def test_the_examples_run() -> None:
    found = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    for example in (each for each in found if "import" in each):
        exec(compile(example, "docs/exporter-facets.md", "exec"), {})
