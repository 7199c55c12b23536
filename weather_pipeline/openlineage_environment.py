"""OpenLineage's own configuration: whether there is some, without reading it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def openlineage_configuration(environment: Mapping[str, str], *, directory: Path, user: Path) -> str | None:
    """The first of OpenLineage's own settings that names a transport, or None.

    OpenLineage's Python client reads `OPENLINEAGE_CONFIG`, `./openlineage.yml`, `~/.openlineage/openlineage.yml`,
    `OPENLINEAGE__…` and `OPENLINEAGE_URL` (openlineage.client.OpenLineageClient). Spark's listener reads all but the
    last.

    Args:
        environment: The environment that the client would be started with.
        directory: The current directory.
        user: The user's home directory.
    """
    # An empty variable counts as not set, as OpenLineage's client has it.
    for name in sorted(name for name, value in environment.items() if value):
        if name in {"OPENLINEAGE_URL", "OPENLINEAGE_CONFIG"} or name.startswith("OPENLINEAGE__TRANSPORT"):
            return name
    files = (directory / "openlineage.yml", user / ".openlineage" / "openlineage.yml")
    return next((str(file) for file in files if file.is_file()), None)
