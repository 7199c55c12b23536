"""A source's API key: what it must be, and how what a server says is shown without it."""

from __future__ import annotations

import functools
import re

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.keys import read_key
from weather_pipeline.settings import Settings
from weather_pipeline.sources.knmi_api import HOW_TO_GET_A_KEY

_URL_KEY = re.compile(r"[A-Za-z0-9._~-]{8,4096}")
"""What every program writes into a URL in one way, and is no word that stands in answers anyhow."""


def open_meteo_key(settings: Settings) -> str | None:
    """The key of a subscription; None where there is none.

    Raises:
        ConfigurationError: It is given twice, or can't be used.
    """
    value, file = settings.open_meteo_api_key, settings.open_meteo_api_key_file
    key = read_key(value, file, setting="WEATHER_OPEN_METEO_API_KEY")
    return key and check_url_key(key, "WEATHER_OPEN_METEO_API_KEY" if file is None else f"The key in {file}")


def knmi_key(settings: Settings) -> str:
    """The key for KNMI.

    Raises:
        ConfigurationError: There is none, it is given twice, or can't be used.
    """
    key = read_key(settings.knmi_api_key, settings.knmi_api_key_file, setting="WEATHER_KNMI_API_KEY")
    if key is None:
        raise ConfigurationError(
            "KNMI wants an API key. Set WEATHER_KNMI_API_KEY, or WEATHER_KNMI_API_KEY_FILE to a file that holds it. "
            f"{HOW_TO_GET_A_KEY}."
        )
    return key


def check_url_key(key: str, origin: str) -> str:
    """The key, where it may stand in a URL.

    Args:
        key: A key.
        origin: Where it comes from, for the message.

    Raises:
        ConfigurationError: It may not; the message does not show it.
    """
    if not _URL_KEY.fullmatch(key):
        raise ConfigurationError(
            f"{origin} holds no key that goes into a URL: that is 8 to 4096 letters, digits, and -._~ alone. "
            "Check that it was copied whole, and that nothing else was."
        )
    return key


def without_key(content: bytes, key: str | None) -> bytes:
    """What a server sent, without the key, however a URL or JSON spells it."""
    return _spellings(key).sub("…".encode(), content) if key else content


@functools.lru_cache(maxsize=4)
def _spellings(key: str) -> re.Pattern[bytes]:
    """Each character as it is, or as an escape of a URL or of JSON."""
    each = (rf"(?:\\?{re.escape(sign)}|(?i:%{ord(sign):02x}|\\u00{ord(sign):02x}))" for sign in key)
    return re.compile("".join(each).encode())
