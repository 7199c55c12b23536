"""Which code location a command works on."""

from pathlib import Path

import pytest

from weather_pipeline.lineage.projects import ProjectError, Target, named_target, project_targets


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('[tool.dagster]\nmodule_name = "shop"', [("shop", "shop")]),
        ('[tool.dagster]\nmodule_name = "shop"\ncode_location_name = "sales"', [("shop", "sales")]),
        (
            '[tool.dagster]\nmodules = [{ type = "module", name = "a" }, { type = "module", name = "b" }]',
            [("a", "a"), ("b", "b")],
        ),
        ('[tool.dg.project]\nroot_module = "shop"', [("shop.definitions", "shop.definitions")]),
        ('[tool.dg.project]\nroot_module = "shop"\ncode_location_name = "sales"', [("shop.definitions", "sales")]),
        (
            '[tool.dg.project]\nroot_module = "shop"\ncode_location_target_module = "shop.all"',
            [("shop.all", "shop.all")],
        ),
        ('[tool.dg.project]\nroot_module = "shop"\nautoload_defs = true', [("shop.defs", "shop.defs")]),
        ('[project]\nname = "shop"', []),
        ("", []),
    ],
)
def test_pyproject_names_the_code_location(toml: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(toml)
    assert [(str(target), target.location_name) for target in project_targets(tmp_path)] == expected


def test_without_pyproject_there_is_none(tmp_path: Path) -> None:
    assert project_targets(tmp_path) == []


def test_a_pyproject_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(ProjectError, match=r"pyproject\.toml can't be read"):
        project_targets(tmp_path)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (Target(module="shop.definitions"), "shop.definitions"),
        (Target(module="shop", attribute="defs"), "shop:defs"),
        (Target(python_file="/srv/shop/defs.py"), "defs.py"),
        (Target(module="shop", location="sales"), "sales"),
    ],
)
def test_the_location_has_the_name_that_dagster_gives_it(target: Target, name: str) -> None:
    assert target.location_name == name


def test_options_go_before() -> None:
    target = named_target(module=None, python_file="a.py", attribute="defs", working_directory="/srv")
    assert target == Target(None, "a.py", None, "defs", "/srv")
    assert named_target(module=None, python_file=None, attribute=None, working_directory=None) is None
