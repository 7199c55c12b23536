"""A secret word that a setting holds, or a file that a setting names: read, checked, and never shown."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import SecretStr

from weather_pipeline.errors import ConfigurationError

_HEADER_KEY = re.compile(r"[!-~]{1,4096}")
"""What fits into a header: printable ASCII without spaces."""


def read_key(value: SecretStr | None, file: Path | None, *, setting: str, kind: str = "key") -> str | None:
    """The key, from where the settings say; None where they name none.

    A file may be readable for others: a secret that a container mounts is.

    Args:
        value: The key itself.
        file: A file that holds it, and nothing else but spaces and line ends around it.
        setting: The variable that holds the value; with `_FILE` behind it, the one that names the file.
        kind: What it is, for messages.

    Raises:
        ConfigurationError: Both are given, the file can't be read, or what it holds is no key.
    """
    if value is not None and file is not None:
        raise ConfigurationError(f"{setting} and {setting}_FILE are both set. Unset one: they may differ.")
    if value is not None:
        return check_key(value.get_secret_value(), setting, kind)
    if file is None:
        return None
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{setting}_FILE: {file} can't be read: {error.strerror}. It must be a file with the {kind}."
        ) from error
    return check_key(content.decode("utf-8", errors="replace"), f"{setting}_FILE ({file})", kind)


def check_key(text: str, origin: str, kind: str = "key") -> str:
    """The key without what is around it.

    Args:
        text: What should be a key.
        origin: Where it comes from, for the message.
        kind: What it is, for the message.

    Raises:
        ConfigurationError: It is empty, or holds what no key may; the message does not show it.
    """
    key = text.strip()
    if not key:
        raise ConfigurationError(f"{origin} is empty. It must hold the {kind}.")
    if not _HEADER_KEY.fullmatch(key):
        raise ConfigurationError(
            f"{origin} holds no {kind}: a {kind} is one word of ASCII letters, digits and signs, at most 4096 long. "
            "Check that nothing else was copied with it."
        )
    return key
