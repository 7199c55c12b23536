"""Where everything is, in the lines that every command shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weather_pipeline.settings import Settings


def address_lines(settings: Settings, lineage: str) -> list[str]:
    """The lines that say where everything is.

    Args:
        settings: The stack's settings.
        lineage: The lineage API's address, without a password; or in words who knows it.
    """
    lines = [f"Dagster       {settings.effective_dagster_url}"]
    if is_address(lineage):
        lines += [f"Lineage page  {page_address(settings)}", f"Lineage API   {for_people(lineage)}"]
    else:
        lines.append(f"Lineage       goes where {lineage} says")
    return [*lines, f"State, logs   {settings.home}"]


def is_address(lineage: str) -> bool:
    """Whether the stack knows the lineage API's address; else its page is not started."""
    return lineage.startswith(("http://", "https://"))


def page_address(settings: Settings) -> str:
    """The lineage page."""
    return f"http://localhost:{settings.lineage_web_port}"


def for_people(url: str) -> str:
    """An address of this machine by the name that people type and the documentation has."""
    # The stack's own connections go to the number, which no resolver turns into ::1.
    return url.replace("://127.0.0.1:", "://localhost:", 1)
