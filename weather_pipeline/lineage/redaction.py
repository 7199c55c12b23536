"""What free text may carry out: no passwords of URLs, no more than a backend can use. Linear in the text's length."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

# Anchored at the literal `://` and bounded: an error message can be a megabyte of base64.
_USER_INFO = re.compile(r"(?<=://)[^\s/@:]{0,256}(?::[^\s@]{0,1024})?@")


def redacted(text: str) -> str:
    """Text without the user info of URLs (`scheme://user:password@host`)."""
    return _USER_INFO.sub("***@", text)


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, with a visible mark where some were left out."""
    return text if len(text) <= limit else f"{text[:limit]}\n… shortened: {len(text) - limit} characters left out"


def without_secrets(uri: str) -> str:
    """A URL without user info, query and fragment, where passwords and tokens stand."""
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
