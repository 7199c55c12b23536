"""The bearer token of the lineage API: what the embedded service wants, and what its clients send."""

from __future__ import annotations

from weather_pipeline.keys import read_key
from weather_pipeline.settings import Settings


def lineage_token(settings: Settings) -> str | None:
    """The token; None where none is set.

    Raises:
        ConfigurationError: It is given twice, can't be read, or is none; the message does not show it.
    """
    return read_key(settings.lineage_token, settings.lineage_token_file, setting="WEATHER_LINEAGE_TOKEN", kind="token")
