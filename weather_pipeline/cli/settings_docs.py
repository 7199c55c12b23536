"""`docs/settings.md`, written from the settings themselves: `python -m weather_pipeline.cli.settings_docs`."""

from __future__ import annotations

import click
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from weather_pipeline.settings import Settings

_HEAD = """# Settings

Every setting is an environment variable. This page is written from the code; do not edit it:
`python -m weather_pipeline.cli.settings_docs > docs/settings.md`.

| variable | default | meaning |
| --- | --- | --- |
"""


def settings_markdown() -> str:
    """The page's text."""
    prefix = Settings.model_config.get("env_prefix", "")
    rows = [
        f"| {_variables(name, field, prefix)} | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _variables(name: str, field: FieldInfo, prefix: str) -> str:
    alias = field.validation_alias
    names = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [prefix + name.upper()]
    return " or ".join(f"`{each}`" for each in names)


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else f"`{field.default}`"


if __name__ == "__main__":
    click.echo(settings_markdown(), nl=False)
