"""`docs/settings.md`, written from the settings themselves: `python -m weather_pipeline.cli.settings_docs`."""

from __future__ import annotations

import click
from pydantic.fields import FieldInfo

from weather_pipeline.settings import Settings, variables

_HEAD = """# Settings

Every setting is an environment variable; an empty one counts as not set. This page is written from the code;
do not edit it: `python -m weather_pipeline.cli.settings_docs > docs/settings.md`.

| variable | default | meaning |
| --- | --- | --- |
"""


def settings_markdown() -> str:
    """The page's text."""
    rows = [
        f"| {_variables(name)} | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _variables(name: str) -> str:
    return " or ".join(f"`{each}`" for each in variables(name))


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else f"`{field.default}`"


if __name__ == "__main__":
    click.echo(settings_markdown(), nl=False)
