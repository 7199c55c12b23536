"""What must not leave: passwords, tokens and keys, found by what they look like and by what they are called.

Two kinds of rule, both linear in the length of the text:

* by look: user info of URLs, JSON Web Tokens, PEM blocks, cloud and forge tokens, `Bearer …`;
* by name: what stands behind `password=`, `"token": `, `Authorization: ` and the like, and every value in a mapping
  under such a key.

Identity is never touched (namespaces, names, run ids, versions): a changed name would be another dataset. Names are
validated instead, and lose their user info there (`naming`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import attr

HIDDEN = "***"
"""What stands in place of a secret."""

_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "authorization",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "access-key",
    "accesskey",
    "account_key",
    "account-key",
    "accountkey",
    "private_key",
    "private-key",
    "privatekey",
    "cookie",
)
_WORD = "|".join(_WORDS)
# A number that counts tokens is no token.
_COUNTED = re.compile(
    r"(?:^|[_\W])(?:count|counts|total|max|min|num|number|limit|size|length|rate|usage|cost|days|tokens)(?:$|[_\W])"
)
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?%?")

# Every pattern is bounded and begins with something that is rare: an error message can be a megabyte of base64.
# `host:port` is no user info.
_USER_INFO = re.compile(
    r"(?<=://)(?!\[[0-9A-Fa-f:.%]{2,64}\])(?![^\s/@:]{0,256}:\d{1,5}(?:[^\w@.~%!$&*+;=-]|$))"
    r"[^\s/@:]{0,256}(?::[^\s@]{0,1024})?@(?:[^\s/@?#]{0,256}@){0,4}"
)
_SAYS = re.compile(
    # The name, up to its separator …
    rf"(?<!nexpected )((?:{_WORD})[\w.-]{{0,32}}[\"'\])]{{0,3}}\s{{0,3}}(?:=>|:=|=|:(?!//))\s{{0,3}}"
    r"(?:(?:bearer|basic|digest|negotiate)\s{1,3})?)"
    # … and its value, unless that is code that stands for it: `$1`, `%(password)s`, `get_secret()`, `self.token`.
    r"(?!\$|\?|%\(|\{|\*\*\*|[A-Za-z_][\w.]{0,128}\()"
    rf"(?!(?:[A-Za-z_]\w{{0,64}}\.){{1,6}}\w{{0,64}}?(?:{_WORD})\w{{0,64}}(?:[\s,;:)\]}}]|$))"
    r"(\"[^\"\n]{1,2048}\"|'[^'\n]{1,2048}'|[^\s,;&\"'<>)}\]]{1,2048})",
    re.IGNORECASE,
)
_FLAG = re.compile(
    rf"((?<![\w-])--?[\w-]{{0,32}}?(?:{_WORD})[\w-]{{0,32}}\s{{1,3}})([^\s\"'-][^\s\"']{{0,1024}})", re.IGNORECASE
)
_JSON_WEB_TOKEN = re.compile(r"\beyJ[\w-]{8,4096}\.[\w-]{4,8192}(?:\.[\w-]{0,4096})?")
_AWS_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
_SERVICE_TOKEN = re.compile(
    r"\b(?:gh[pousr]_\w{20,255}|github_pat_\w{20,255}|gl(?:pat|dt|rt)-[\w-]{20,64}|xox[abeoprs]-[\w-]{10,255}"
    r"|[rs]k_(?:live|test)_\w{10,255}|AIza[\w-]{35}|ya29\.[\w-]{20,1024}|npm_\w{36}|pypi-[\w-]{16,512}"
    r"|dapi[0-9a-f]{32}|sk-[\w-]{20,255})"
)
"""GitHub, GitLab, Slack, Stripe, Google, npm, PyPI, Databricks, OpenAI and those who write theirs alike."""
_SLACK_HOOK = re.compile(r"(?<=hooks\.slack\.com/services/)[\w/]{8,128}")
_BEARER = re.compile(
    r"\b(bearer|basic)(\s{1,3})(?=[A-Za-z._~-]{0,64}[0-9+/=])[\w.~+/=-]{8,4096}",
    re.IGNORECASE,
)
_QUERY = re.compile(
    r"(?<=[?&])((?:[\w-]{0,32}signature|sig|key|code|auth|pass|pw)=)[^&\s\"'#<>]{4,2048}", re.IGNORECASE
)
_SQL = re.compile(
    r"\b(identified\s{1,5}by\s{1,5}|password\s{1,5})('[^'\n]{1,1024}'|\"[^\"\n]{1,1024}\")", re.IGNORECASE
)
_LOOKS = (
    (_JSON_WEB_TOKEN, HIDDEN),
    (_BEARER, rf"\1\2{HIDDEN}"),
    (_AWS_KEY_ID, HIDDEN),
    (_SERVICE_TOKEN, HIDDEN),
    (_SLACK_HOOK, HIDDEN),
    (_QUERY, rf"\1{HIDDEN}"),
    (_SQL, rf"\1{HIDDEN}"),
)
_SHORTEST_TOKEN = 16
"""Characters below which nothing shows by its look alone …"""
_SEPARATOR = re.compile(r"[=:@?\s'\"]")
"""… and without which nothing shows by its name."""
_REMEMBERED = 512
"""Characters up to which an answer is kept."""
_LONGEST = 256 * 1024
"""Characters of one text that are looked at; no backend keeps more, and the rest is left out."""
_PEM_BEGIN, _PEM_END = "-----BEGIN ", "-----END "


def redacted(text: str) -> str:
    """Text without what looks like a secret: each is replaced by `***`."""
    if len(text) < _SHORTEST_TOKEN and not _SEPARATOR.search(text):
        return text
    return _known(text) if len(text) <= _REMEMBERED else _searched(text)


def _searched(text: str) -> str:
    if "://" in text and "@" in text:
        text = _USER_INFO.sub(f"{HIDDEN}@", text)
    if _PEM_BEGIN in text:
        text = _without_pem(text)
    for pattern, replacement in _LOOKS:
        text = pattern.sub(replacement, text)
    lowered = text.lower()
    if any(word in lowered for word in _WORDS):
        text = _FLAG.sub(rf"\1{HIDDEN}", _SAYS.sub(_said, text))
    return text


_known = lru_cache(maxsize=8192)(_searched)
"""Columns, types and descriptions come with every event again."""


def is_secret(key: str, value: object = "") -> bool:
    """Whether what is called so is a secret: `db_password`, `API-Key`; not a number called `token_count`."""
    lowered = key.lower()
    if not any(word in lowered for word in _WORDS):
        return False
    return not (_COUNTED.search(lowered) and _NUMBER.fullmatch(str(value)))


def _said(match: re.Match[str]) -> str:
    name, value = match.groups()
    if not is_secret(name, value):
        return match.group()
    quote = value[0] if value[0] in "\"'" else ""
    return f"{name}{quote}{HIDDEN}{quote}"


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, with a visible mark where some were left out."""
    return text if len(text) <= limit else f"{text[:limit]}\n… shortened: {len(text) - limit} characters left out"


def without_secrets(uri: str) -> str:
    """A URL without user info, query and fragment, where passwords and tokens stand."""
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _without_pem(text: str) -> str:
    """Text without PEM blocks; one that does not end goes to the end of the text."""
    kept, at = [], 0
    while (begin := text.find(_PEM_BEGIN, at)) >= 0:
        kept += [text[at:begin], HIDDEN]
        end = text.find(_PEM_END, begin)
        close = text.find("-----", end + len(_PEM_END)) if end >= 0 else -1
        if close < 0:
            return "".join(kept)
        at = close + len("-----")
    return "".join([*kept, text[at:]])


_BY_COLUMN = ("fields", "columnMetrics", "quantiles")
"""Mappings whose keys are columns: one that is called `password` is a column, not a secret."""
_IDENTITY = ("namespace", "name", "field", "runId")


_SCALARS = frozenset({int, bool, float, type(None)})


@lru_cache(maxsize=1024)
def fields_of(kind: type) -> tuple[str, ...]:
    """The names of the fields of one of the client's classes; none of any other class."""
    return tuple(each.name for each in attr.fields(kind)) if attr.has(kind) else ()


def _weight_of_clean(value: Any, *, keys_are_names: bool, by_column: bool) -> int | None:
    """What a value adds to `Redactor.weight`; None where something in it has to change, or may have to.

    Nearly every facet is clean: to see that costs a walk without places and copies. What it finds `Redactor` judges.
    """
    kind = type(value)
    if kind is str:
        if len(value) > _LONGEST or redacted(value) != value:
            return None
        return len(value) if value.isascii() else 6 * len(value)
    if kind in _SCALARS:
        return 0 if kind is not float or isfinite(value) else None
    if kind is list:
        weights = [_weight_of_clean(each, keys_are_names=True, by_column=False) for each in value]
        return None if None in weights else sum(weights)  # type: ignore[arg-type]
    if kind is dict:
        return _weight_of_pairs(value, keys_are_names=keys_are_names and not by_column)
    names = fields_of(kind)
    return _weight_of_pairs({name: getattr(value, name) for name in names}, keys_are_names=False) if names else None


def _weight_of_pairs(pairs: Mapping[str, Any], *, keys_are_names: bool) -> int | None:
    is_identity = "namespace" in pairs and "name" in pairs
    label = pairs.get("key", pairs.get("name"))
    if isinstance(label, str) and "value" in pairs and is_secret(label, pairs["value"]):
        return None
    total = 0
    for key, inner in pairs.items():
        if type(key) is not str or (keys_are_names and is_secret(key, inner)):
            return None
        total += len(key) + 8
        if key.startswith("_") or (is_identity and key in _IDENTITY):
            continue
        weight = _weight_of_clean(inner, keys_are_names=True, by_column=key in _BY_COLUMN)
        if weight is None:
            return None
        total += weight
    return total


_Place = tuple[Any, ...]
"""Where a value stands: its last step, and the place that it stands in."""


class Redactor:
    """Takes the secrets out of facets, and remembers where it found some.

    Works on JSON values and on the OpenLineage client's classes alike; what it is given is not changed.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        """Where something was hidden, as a path."""
        self.weight = 0
        """About how many bytes the texts and names are that were looked at; the user of it sets it back."""
        self._changes = 0

    def facet(self, where: str, facet: Any) -> Any:
        """The facet without secrets.

        Args:
            where: What the facet is called in `found`.
            facet: One of the client's classes, or a JSON object.
        """
        weight = _weight_of_clean(facet, keys_are_names=True, by_column=False)
        if weight is not None:
            self.weight += weight
            return facet
        return self._value((where,), facet, by_column=False)

    def _note(self, where: _Place) -> None:
        """Write down where something was found. Places are chains: most of them are never looked at."""
        self._changes += 1
        step, *rest = where
        steps = [step]
        while rest:
            step, *rest = rest[0]
            steps.append(step)
        self.found.append("".join(reversed(steps)))

    def _value(self, where: _Place, value: Any, *, by_column: bool) -> Any:
        if isinstance(value, str):
            safe = redacted(shortened(value, _LONGEST))
            self.weight += len(safe) if safe.isascii() else 6 * len(safe)
            if safe != value:
                self._note(where)
            return safe
        if isinstance(value, Mapping):
            pairs = {str(key): inner for key, inner in value.items()}
            return self._pairs(where, pairs, keys_are_names=not by_column)
        if isinstance(value, list | tuple):
            return [self._value((f"[{at}]", where), inner, by_column=False) for at, inner in enumerate(value)]
        return self._object(where, value) if attr.has(type(value)) else self._scalar(value)

    def _scalar(self, value: Any) -> Any:
        if not isinstance(value, float) or isfinite(value):
            return value
        self._changes += 1
        return str(value)  # JSON has no word for it

    def _object(self, where: _Place, value: Any) -> Any:
        changes = self._changes
        fields = {name: getattr(value, name) for name in fields_of(type(value))}
        cleaned = self._pairs(where, fields, keys_are_names=False)
        return value if self._changes == changes else _changed(value, cleaned)

    def _pairs(self, where: _Place, pairs: Mapping[str, Any], *, keys_are_names: bool) -> dict[str, Any]:
        is_identity = "namespace" in pairs and "name" in pairs
        label = pairs.get("key", pairs.get("name"))
        names_a_secret = isinstance(label, str) and is_secret(label, pairs.get("value", ""))
        cleaned = {}
        for key, inner in pairs.items():
            at = (f".{key}", where)
            self.weight += len(key) + 8
            if key.startswith("_") or (is_identity and key in _IDENTITY):
                cleaned[key] = inner
            elif (keys_are_names and is_secret(key, inner)) or (key == "value" and names_a_secret):
                cleaned[key] = self._hidden(at, inner)
            else:
                cleaned[key] = self._value(at, inner, by_column=key in _BY_COLUMN)
        return cleaned

    def _hidden(self, where: _Place, value: Any) -> Any:
        """What a secret's name stands for: every text and number in it."""
        if isinstance(value, Mapping):
            return {str(key): self._hidden((f".{key}", where), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._hidden((f"[{at}]", where), inner) for at, inner in enumerate(value)]
        if value is None or isinstance(value, bool):
            return value
        self._note(where)
        return HIDDEN


def _changed(value: Any, changes: Mapping[str, Any]) -> Any:
    """A copy of one of the client's objects with other values.

    Not `attr.evolve`: fields such as a facet's schema address take no argument.
    """
    copied: Any = object.__new__(type(value))
    for name in fields_of(type(value)):
        object.__setattr__(copied, name, changes.get(name, getattr(value, name)))
    return copied
