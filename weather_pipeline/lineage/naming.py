"""Names: from an asset's key and metadata to OpenLineage namespace and name, and whether a name may be sent.

A name that Marquez can't take must never reach it: a namespace with a space is answered with 400, yet stored, and
breaks the namespace list for ever; an empty job name breaks the job list of its namespace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from weather_pipeline.lineage.model import AssetInfo, AssetPath, DatasetRef, Metadata, Origin

NAMESPACE = re.compile(r"[A-Za-z0-9_@+:=;/.\-]{1,1024}")
"""What Marquez takes as a namespace (`NamespaceName` of Marquez 0.51)."""

FALLBACK_NAMESPACE = "dagster"
"""Namespace of assets whose metadata names no dataset."""

_DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mssql": 1433, "trino": 8080, "redshift": 5439}
_SCHEMES = {"postgresql": "postgres", "s3a": "s3", "s3n": "s3"}


class InvalidName(ValueError):
    """A job, namespace or dataset name that no lineage backend should get; says which and why."""


def checked_namespace(namespace: str) -> str:
    """The namespace itself.

    Raises:
        InvalidName: It is empty, too long, or holds a character that Marquez refuses.
    """
    if not NAMESPACE.fullmatch(namespace):
        raise InvalidName(
            f"namespace {namespace!r}: 1 to 1024 letters, digits or any of _ @ + : = ; / . - are allowed. "
            "Check the setting or the asset's openlineage/namespace."
        )
    return namespace


def checked_name(kind: str, name: str) -> str:
    """The name itself.

    Raises:
        InvalidName: It is blank, or holds control characters.
    """
    if not name.strip() or any(ord(character) < 32 for character in name):  # noqa: PLR2004  (control characters)
        raise InvalidName(f"{kind} name {name!r}: it must not be blank or hold control characters.")
    return name


def job_name(path: Sequence[str], *, suffix: str = "", part: str = "") -> str:
    """The job's name: the asset key joined by `.`, the part (as `.checks`), then the suffix.

    Raises:
        InvalidName: The name can't be sent.
    """
    return checked_name("job", ".".join(path) + part + suffix)


def dataset_of(
    info: AssetInfo | None, path: AssetPath, materialized: Iterable[Callable[[], Metadata]], *, authority: str | None
) -> tuple[DatasetRef, Origin]:
    """Which dataset an asset is, and what says so.

    The definition speaks first, then materializations, then the asset key in namespace `dagster`; in each of them:
    `openlineage/namespace` with `openlineage/name`, then `dagster/uri`, then `dagster/table_name` where an authority
    is known.

    Args:
        info: What the definitions say, None where the asset is not in this code location.
        path: The asset key's path.
        materialized: Give metadata of materializations, best first; called only where the definition says nothing.
        authority: Namespace for relation names, as `postgres://localhost:5432`.

    Raises:
        InvalidName: The names can't be sent.
    """
    if info and (ref := _from_metadata(info.metadata, authority)):
        return checked(ref), Origin.DEFINITION
    for metadata in materialized:
        if ref := _from_metadata(metadata(), authority):
            return checked(ref), Origin.METADATA
    return checked(DatasetRef(FALLBACK_NAMESPACE, "/".join(path))), Origin.LOG


def names(metadata: Metadata, authority: str | None) -> bool:
    """Whether metadata says which dataset an asset is."""
    return _from_metadata(metadata, authority) is not None


def checked(ref: DatasetRef) -> DatasetRef:
    """The dataset itself.

    Raises:
        InvalidName: Its namespace or name can't be sent.
    """
    return DatasetRef(checked_namespace(ref.namespace), checked_name("dataset", ref.name))


def refs_from(metadata: Metadata, key: str) -> tuple[DatasetRef, ...]:
    """Further datasets that metadata lists under `openlineage/inputs` or `openlineage/outputs`.

    The value is a list of objects with `namespace` and `name`.

    Raises:
        InvalidName: The list has another form, or a name can't be sent.
    """
    listed = metadata.get(key) or ()
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise InvalidName(f"{key} is {listed!r}: a list of objects with namespace and name is needed.")
    refs = []
    for entry in listed:
        if not isinstance(entry, Mapping) or not {"namespace", "name"} <= set(entry):
            raise InvalidName(f"{key} holds {entry!r}: an object with namespace and name is needed.")
        refs.append(checked(DatasetRef(str(entry["namespace"]), str(entry["name"]))))
    return tuple(refs)


def _from_metadata(metadata: Metadata, authority: str | None) -> DatasetRef | None:
    namespace, name = metadata.get("openlineage/namespace"), metadata.get("openlineage/name")
    if namespace and name:
        return DatasetRef(str(namespace), str(name))
    if uri := metadata.get("dagster/uri"):
        return from_uri(str(uri))
    table = metadata.get("dagster/table_name")
    if table and authority:
        return DatasetRef(authority, str(table))
    return None


def from_uri(uri: str) -> DatasetRef:
    """Namespace and name of a URI, by OpenLineage's naming rules (spec, `naming.md`).

    Files are `file` + path, object stores `scheme://bucket` + key, databases `scheme://host:port` + dotted path.
    User info, query and fragment are dropped: they hold secrets and no identity.

    Raises:
        InvalidName: It is no URI.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise InvalidName(f"dataset URI {uri!r}: {error}. Check the asset's dagster/uri.") from error
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    path = unquote(parts.path)
    if scheme in ("", "file"):
        return DatasetRef("file", path or uri)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = port or _DEFAULT_PORTS.get(parts.scheme)
    authority = f"{host}:{port}" if port else host
    if scheme in _DEFAULT_PORTS:
        return DatasetRef(f"{scheme}://{authority}", path.strip("/").replace("/", "."))
    return DatasetRef(f"{scheme}://{authority}", path.strip("/") or "/")
