"""Where lineage goes: OpenLineage's own configuration, else `MARQUEZ_URL`, else the embedded service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.openlineage_environment import openlineage_configuration
from weather_pipeline.settings import Settings
from weather_pipeline.stack.plan import LineageTarget
from weather_pipeline.stack.ports import HOST, is_listening
from weather_pipeline.stack.probes import is_lineage_api
from weather_pipeline.urls import check_http_url, shown_value


def lineage_target(settings: Settings, environment: Mapping[str, str], *, directory: Path, user: Path) -> LineageTarget:
    """Decide where lineage goes.

    Args:
        settings: The settings.
        environment: The environment that the stack hands on.
        directory: The current directory.
        user: The user's home directory.

    Raises:
        ConfigurationError: `OPENLINEAGE_URL` is needed and is no HTTP address.
    """
    configured = openlineage_configuration(environment, directory=directory, user=user)
    if configured:
        address = settings.marquez_url or _openlineage_url(environment)
        return LineageTarget(address, embedded=False, reason=f"OpenLineage's configuration ({configured})")
    if settings.marquez_url:
        return LineageTarget(settings.marquez_url, embedded=False, reason="MARQUEZ_URL")
    address = f"http://{HOST}:{settings.lineage_port}"
    return LineageTarget(address, embedded=True, reason="the embedded lineage service")


def lineage_beside(settings: Settings) -> str | None:
    """The address of a lineage service that has the embedded one's port, whoever started it; None where none answers.

    `weather lineage serve` on another database, or for another state directory, is known here by nothing else.
    """
    address = f"http://{HOST}:{settings.lineage_port}"
    return address if is_listening(settings.lineage_port) and is_lineage_api(address) else None


def _openlineage_url(environment: Mapping[str, str]) -> str | None:
    value = environment.get("OPENLINEAGE_URL")
    if not value:
        return None
    try:
        return check_http_url(value)
    except ValueError as error:
        raise ConfigurationError(f"OPENLINEAGE_URL: {error} (it is {shown_value(value)!r})") from None
