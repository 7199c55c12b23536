"""A source's API key: from a value or from a file, and never shown."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from pydantic import SecretStr

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings
from weather_pipeline.sources.knmi_api import HOW_TO_GET_A_KEY

_HEADER_KEY = re.compile(r"[!-~]{1,4096}")
"""What fits into a header: printable ASCII without spaces."""

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


def read_key(value: SecretStr | None, file: Path | None, *, setting: str) -> str | None:
    """The key, from where the settings say; None where they name none.

    A file may be readable for others: a secret that a container mounts is.

    Args:
        value: The key itself.
        file: A file that holds it, and nothing else but spaces and line ends around it.
        setting: The variable that holds the value; with `_FILE` behind it, the one that names the file.

    Raises:
        ConfigurationError: Both are given, the file can't be read, or what it holds is no key.
    """
    if value is not None and file is not None:
        raise ConfigurationError(f"{setting} and {setting}_FILE are both set. Unset one: they may differ.")
    if value is not None:
        return check_key(value.get_secret_value(), setting)
    if file is None:
        return None
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{setting}_FILE: {file} can't be read: {error.strerror}. It must be a file with the key."
        ) from error
    return check_key(content.decode("utf-8", errors="replace"), f"{setting}_FILE ({file})")


def check_key(text: str, origin: str) -> str:
    """The key without what is around it.

    Args:
        text: What should be a key.
        origin: Where it comes from, for the message.

    Raises:
        ConfigurationError: It is empty, or holds what no key may; the message does not show it.
    """
    key = text.strip()
    if not key:
        raise ConfigurationError(f"{origin} is empty. It must hold the key.")
    if not _HEADER_KEY.fullmatch(key):
        raise ConfigurationError(
            f"{origin} holds no key: a key is one word of ASCII letters, digits and signs, at most 4096 long. "
            "Check that nothing else was copied with it."
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
