"""Names: from an asset's key and metadata to OpenLineage namespace and name, and whether a name may be sent.

A name that Marquez can't take must never reach it: a namespace with a space is answered with 400, yet stored, and
breaks the namespace list for ever; an empty job name breaks the job list of its namespace.

Different asset keys never share a name. Key parts are joined by `.` in job names and by `/` in dataset names of
assets that nothing else names; where a part holds the separator itself, or a backslash, a backslash goes before it.
A key's last part that reads like one of our own (`checks`, `job`) is marked by a backslash as well, so that the asset
`orders/checks` is not taken for the checks of `orders`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from weather_pipeline.lineage import uris
from weather_pipeline.lineage.model import AssetInfo, AssetPath, DatasetRef, Metadata, Origin
from weather_pipeline.lineage.redaction import redacted

NAMESPACE = re.compile(r"[A-Za-z0-9_@+:=;/.\-]{1,1024}")
"""What Marquez takes as a namespace (`NamespaceName` of Marquez 0.51)."""

FALLBACK_NAMESPACE = "dagster"
"""Namespace of assets whose metadata names no dataset."""

OWN_PARTS = ("checks", "job")
"""Last parts of the names of jobs that are not assets."""

LONGEST_NAME = 2000
"""Bytes of a name in UTF-8: Marquez keeps names in PostgreSQL's indexes, which end at about 2,700."""

NAMELESS = "assets"
"""Readable name of the jobs that Dagster makes up itself (`__ASSET_JOB`, `__ephemeral_asset_job__`, …)."""

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

Authorities = str | Mapping[str, str] | None
"""Namespace of relations: one for all, or one for each kind of storage.

The kind is `dagster/storage_kind`, else one of the asset's kinds.
"""


class InvalidName(ValueError):
    """A job, namespace or dataset name that no lineage backend should get; says which and why, without secrets."""

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


def checked_namespace(namespace: str) -> str:
    """The namespace itself, without user info.

    Raises:
        InvalidName: It is empty, too long, or holds a character that Marquez refuses.
    """
    namespace = uris.without_user_info(namespace)
    if not NAMESPACE.fullmatch(namespace):
        raise InvalidName(
            f"namespace {namespace!r}: 1 to 1024 letters, digits or any of _ @ + : = ; / . - are allowed. "
            "Check the setting or the asset's openlineage/namespace."
        )
    return namespace


def checked_name(kind: str, name: str) -> str:
    """The name itself.

    Raises:
        InvalidName: It is blank or too long, or holds control characters or half of a surrogate pair.
    """
    if not name.strip() or _UNSENDABLE.search(name):
        raise InvalidName(f"{kind} name {name!r}: it must not be blank or hold control characters.")
    if (size := len(name.encode())) > LONGEST_NAME:
        raise InvalidName(
            f"{kind} name {name[:80]!r}…: it has {size} bytes in UTF-8, {LONGEST_NAME} at most are allowed."
        )
    return name


def job_name(path: Sequence[str], *, suffix: str = "", part: str = "") -> str:
    """The job's name: the asset key joined by `.`, the part (as `.checks`), then the suffix.

    Raises:
        InvalidName: The name can't be sent.
    """
    joined = _joined(path, ".")
    if len(path) > 1 and path[-1] in OWN_PARTS:
        joined = f"{joined.removesuffix(path[-1])}\\{path[-1]}"
    return checked_name("job", joined + part + suffix)


def dagster_job_name(name: str | None, *, suffix: str = "") -> str:
    """The name of the job that a Dagster job is; None shares the name `assets` with all that have no job of the user's.

    Raises:
        InvalidName: The name can't be sent.
    """
    readable = NAMELESS if name is None else f"\\{name}" if name == NAMELESS else name
    return checked_name("job", f"{readable}.{OWN_PARTS[1]}{suffix}")


def _joined(path: Sequence[str], separator: str) -> str:
    return separator.join(part.replace("\\", "\\\\").replace(separator, f"\\{separator}") for part in path)


def dataset_of(
    info: AssetInfo | None, path: AssetPath, materialized: Iterable[Metadata], *, authority: Authorities
) -> tuple[DatasetRef, Origin]:
    """Which dataset an asset is, and what says so.

    The definition speaks first, then materializations, then the asset key in namespace `dagster`; in each of them:
    `openlineage/namespace` with `openlineage/name`, then `dagster/uri`, then the relation's name (`dagster/table_name`,
    before 1.8 `dagster/relation_identifier`; dbt and the I/O managers of databases write it) where the authority of
    its kind of storage is known. That of BigQuery is always known.

    Args:
        info: What the definitions say, None where the asset is not in this code location.
        path: The asset key's path.
        materialized: Metadata of materializations, best first; taken only where the definition says nothing.
        authority: Namespace for relation names, as `postgres://localhost:5432`, or one for each kind of storage.

    Raises:
        InvalidName: The names can't be sent.
    """
    kinds = info.kinds if info else ()
    if info and (ref := _from_metadata(info.metadata, authority, kinds)):
        return checked(ref), Origin.DEFINITION
    for metadata in materialized:
        if ref := _from_metadata(metadata, authority, kinds):
            return checked(ref), Origin.METADATA
    return checked(DatasetRef(FALLBACK_NAMESPACE, _joined(path, "/"))), Origin.LOG


def names(metadata: Metadata, authority: Authorities, kinds: Sequence[str] = ()) -> bool:
    """Whether metadata says which dataset an asset is."""
    return _from_metadata(metadata, authority, kinds) is not None


@dataclass(frozen=True)
class Place:
    """Where a dataset lies, as this machine sees it, and the name that every producer gives it.

    Attributes:
        physical: The namespace of the storage, and the path or prefix in it.
        dataset: The dataset.
    """

    physical: DatasetRef
    dataset: DatasetRef


def canonical(found: DatasetRef, places: Iterable[Place]) -> DatasetRef:
    """The name of what lies somewhere: that of the innermost place around it, or its own where there is none.

    Args:
        found: The namespace of the storage, and the path in it: a directory, a file, a prefix.
        places: Where datasets lie.
    """
    around = [place for place in places if _lies_in(found, place.physical)]
    return max(around, key=lambda place: len(place.physical.name)).dataset if around else found


def iceberg_table(catalog: str, name: str) -> DatasetRef:
    """An Iceberg table, by its catalog: where its files lie may differ, and change.

    Args:
        catalog: The catalog's name, as `demo`.
        name: The table's name in it, as `news.articles_raw`.
    """
    return DatasetRef(f"iceberg://{catalog}", f"{catalog}.{name}")


def _lies_in(found: DatasetRef, around: DatasetRef) -> bool:
    path, prefix = found.name.strip("/"), around.name.strip("/")
    return found.namespace == around.namespace and (path == prefix or path.startswith(f"{prefix}/"))


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


def _from_metadata(metadata: Metadata, authority: Authorities, kinds: Sequence[str]) -> DatasetRef | None:
    namespace, name = metadata.get("openlineage/namespace"), metadata.get("openlineage/name")
    if namespace and name:
        return DatasetRef(str(namespace), str(name))
    if uri := metadata.get("dagster/uri"):
        return from_uri(str(uri))
    table = metadata.get("dagster/table_name") or metadata.get("dagster/relation_identifier")
    storage = metadata.get("dagster/storage_kind")
    found = _authority_of([str(storage)] if storage else kinds, authority) if table else None
    return DatasetRef(found, str(table)) if found else None


def _authority_of(kinds: Sequence[str], authority: Authorities) -> str | None:
    """The namespace of relations in storage of one of these kinds."""
    if authority is None or isinstance(authority, str):
        return authority or ("bigquery" if "bigquery" in kinds else None)
    return next((authority[kind] for kind in kinds if kind in authority), "bigquery" if "bigquery" in kinds else None)


def from_uri(uri: str) -> DatasetRef:
    """Namespace and name of a URI, by OpenLineage's naming rules (see `uris`).

    Raises:
        InvalidName: It is no URI, or lacks a part that its kind of dataset is named by.
    """
    try:
        return DatasetRef(*uris.dataset_name(uri))
    except ValueError as error:
        # The standard library's own words quote what it took for the port, which may be half a password.
        why = error if isinstance(error, uris.Unnamed) else "it is no URI"
        scheme, separator, rest = uri.partition("://")
        shown = f"{scheme}{separator}{rest.rpartition('@')[2].partition('?')[0]}"
        raise InvalidName(f"dataset URI {shown!r}: {why}. Check the asset's dagster/uri.") from None
