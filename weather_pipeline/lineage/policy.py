"""What may leave: which assets, which facets, how much. By default every asset and every facet, in bounds.

An asset that may not leave sends nothing, and its dataset's name stands in no other event either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from weather_pipeline.lineage.model import AssetInfo, AssetPath, RunInfo

EMIT = "openlineage/emit"
"""Metadata or tag of an asset that says whether it may leave: `false` keeps it in."""

_NO = ("false", "no", "off", "0")
_LEAST_BYTES = 1024
_Matches = Callable[[str, str], bool]


@dataclass(frozen=True)
class EmissionPolicy:
    """Which assets and facets leave, and how large they may be.

    Assets are chosen by key (`raw/orders`, or with wildcards: `raw/*` is one level, `raw/**` any number), by group, by
    tag (`key`, or `key=value`), by the Dagster job that ran them, and by code location; all but keys and tags with
    wildcards as in file names. Where an `include` is given only what matches it leaves (of several, all have to
    match); what matches an `exclude` never does.

    Raises:
        ValueError: A size is too small to hold anything, or a choice is a single text instead of a list of them.
    """

    include_assets: Sequence[str] = ()
    exclude_assets: Sequence[str] = ()
    include_groups: Sequence[str] = ()
    exclude_groups: Sequence[str] = ()
    include_tags: Sequence[str] = ()
    exclude_tags: Sequence[str] = ()
    include_jobs: Sequence[str] = ()
    exclude_jobs: Sequence[str] = ()
    include_locations: Sequence[str] = ()
    exclude_locations: Sequence[str] = ()
    exclude_facets: Sequence[str] = ()
    """Facets that never leave, by their key (`sql`, `dagster_*`)."""
    run_config: Sequence[str] = ()
    """Paths of the run's configuration that leave as `executionParameters`, as `ops.*.config.limit`."""
    environment: Sequence[str] = ()
    """Names of environment variables that leave as `environmentVariables`."""
    max_facet_bytes: int = 128 * 1024
    """A larger facet is cut, and says so (`truncated`)."""
    max_event_bytes: int = 900 * 1024
    """A larger event loses its largest facets: Kafka's default limit is 1 MiB."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, str):
                raise ValueError(f"{each.name} is {value!r}: a list of texts is needed, as [{value!r}].")  # noqa: TRY004
        for name in ("max_facet_bytes", "max_event_bytes"):
            if getattr(self, name) < _LEAST_BYTES:
                raise ValueError(f"{name} is {getattr(self, name)}: at least {_LEAST_BYTES} bytes are needed.")

    def why_not_asset(self, path: AssetPath, info: AssetInfo | None) -> str | None:
        """Why an asset, and its dataset, may not leave; None where they may."""
        if info and _switched_off(info):
            return f"the asset says {EMIT}: false"
        key = "/".join(path)
        group = info.group if info else None
        held = info.tags if info else {}
        return (
            _verdict("asset", [key], self.include_assets, self.exclude_assets, _is_asset)
            or _verdict("group", [group or ""], self.include_groups, self.exclude_groups, fnmatchcase)
            or _verdict(
                "tag",
                [word for name, value in held.items() for word in (name, f"{name}={value}")],
                self.include_tags,
                self.exclude_tags,
                str.__eq__,
            )
        )

    def why_not_run(self, run: RunInfo) -> str | None:
        """Why the runs of a Dagster run may not leave; None where they may."""
        location = run.location or ""
        return _verdict("job", [run.job_name], self.include_jobs, self.exclude_jobs, fnmatchcase) or _verdict(
            "code location", [location], self.include_locations, self.exclude_locations, fnmatchcase
        )

    def why_not_facet(self, key: str) -> str | None:
        """Why a facet may not leave; None where it may."""
        pattern = next((pattern for pattern in self.exclude_facets if fnmatchcase(key, pattern)), None)
        return f"facet {key} is excluded by {pattern!r}" if pattern else None


def _verdict(
    what: str, words: Sequence[str], include: Sequence[str], exclude: Sequence[str], matches: _Matches
) -> str | None:
    """Why something that goes by these words may not leave."""
    found = next((pattern for pattern in exclude if any(matches(word, pattern) for word in words)), None)
    if found is not None:
        return f"{what} excluded by {found!r}"
    if include and not any(matches(word, pattern) for word in words for pattern in include):
        return f"{what} not among those included ({', '.join(map(repr, include))})"
    return None


def _is_asset(key: str, pattern: str) -> bool:
    return _matches(key.split("/"), pattern.split("/"))


def _matches(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether each part fits its pattern, where `**` stands for any number of parts."""
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[at:], patterns[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _matches(parts[1:], patterns[1:])


def _switched_off(info: AssetInfo) -> bool:
    said: Mapping[str, object] = {**info.tags, **info.metadata}
    return EMIT in said and str(said[EMIT]).lower() in _NO
