"""KNMI's API key: from a value or from a file, and never shown."""

from __future__ import annotations

import re
from pathlib import Path

from weather_pipeline.errors import ConfigurationError

HOW_TO_GET = "KNMI gives one away for its EDR API at https://developer.dataplatform.knmi.nl"

_KEY = re.compile(r"[!-~]{1,4096}")
"""What fits into a header: printable ASCII without spaces."""


def read_key(value: str | None, file: Path | None) -> str:
    """The key, from where the settings say.

    A file may be readable for others: a secret that a container mounts is.

    Args:
        value: The key itself.
        file: A file that holds it, and nothing else but spaces and line ends around it.

    Raises:
        ConfigurationError: None or both are given, the file can't be read, or what it holds is no key.
    """
    if value is not None and file is not None:
        raise ConfigurationError(
            "WEATHER_KNMI_API_KEY and WEATHER_KNMI_API_KEY_FILE are both set. Unset one: they may differ."
        )
    if value is not None:
        return check_key(value, "WEATHER_KNMI_API_KEY")
    if file is not None:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"WEATHER_KNMI_API_KEY_FILE: {file} can't be read: {error.strerror}. It must be a file with the key."
            ) from error
        return check_key(content.decode("utf-8", errors="replace"), f"WEATHER_KNMI_API_KEY_FILE ({file})")
    raise ConfigurationError(
        "KNMI wants an API key. Set WEATHER_KNMI_API_KEY, or WEATHER_KNMI_API_KEY_FILE to a file that holds it. "
        f"{HOW_TO_GET}."
    )


def check_key(text: str, origin: str) -> str:
    """The key without what is around it.

    Args:
        text: What should be a key.
        origin: Where it comes from, for the message.

    Raises:
        ConfigurationError: It is empty, or holds what no HTTP header may; the message does not show it.
    """
    key = text.strip()
    if not key:
        raise ConfigurationError(f"{origin} is empty. It must hold the key for KNMI. {HOW_TO_GET}.")
    if not _KEY.fullmatch(key):
        raise ConfigurationError(
            f"{origin} holds no key: a key is one word of ASCII letters, digits and signs, at most 4096 long. "
            "Check that nothing else was copied with it."
        )
    return key
