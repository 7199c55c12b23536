"""Facets of a dataset: what it is, wherever it stands in an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openlineage.client import facet_v2 as ol

from weather_pipeline.lineage import uris
from weather_pipeline.lineage.facets.base import Sourced, Unusable, first, text
from weather_pipeline.lineage.facets.given import declared, listed
from weather_pipeline.lineage.facets.types import Nested, nested_fields
from weather_pipeline.lineage.model import AssetInfo, AssetPath, DatasetRef, Origin, Source

MARKDOWN = "text/markdown"
"""What descriptions are in Dagster."""

_FORMATS = ("parquet", "orc", "avro", "json", "csv", "text", "xml")
"""File formats that the `storage` facet knows; an asset's kind may be one of them."""
_LAYERS = ("iceberg", "delta", "hudi", "lance")
_TYPE_OF_KIND = {"view": "VIEW", "table": "TABLE", "topic": "TOPIC", "stream": "STREAM", "model": "MODEL"}
_TYPE_OF_DBT = {
    "table": ("TABLE", None),
    "incremental": ("TABLE", "INCREMENTAL"),
    "snapshot": ("TABLE", "SNAPSHOT"),
    "seed": ("TABLE", "SEED"),
    "view": ("VIEW", None),
    "materialized_view": ("VIEW", "MATERIALIZED"),
}
_MODES = {
    "create": "CREATE",
    "overwrite": "OVERWRITE",
    "replace": "OVERWRITE",
    "truncate": "TRUNCATE",
    "alter": "ALTER",
    "drop": "DROP",
    "rename": "RENAME",
    "append": None,
    "insert": None,
    "merge": None,
    "upsert": None,
    "update": None,
    "delete": None,
}
"""Write modes → state changes; those that keep the dataset as it is change none."""
_LEVELS = {2: ("DATABASE", "TABLE"), 3: ("DATABASE", "SCHEMA", "TABLE")}


def schema(*sources: Source) -> Sourced | None:
    """`schema`: `dagster/column_schema` of the first source that has columns (materialization before definition).

    Columns are numbered from 1. A type that is a struct, or an array of structs, has nested fields (see `types`).
    """
    for source in sources:
        table = source.metadata.get("dagster/column_schema")
        columns = table.get("columns") if isinstance(table, Mapping) else None
        if columns:
            fields = [
                ol.schema_dataset.SchemaDatasetFacetFields(
                    name=column["name"],
                    type=column.get("type"),
                    description=column.get("description"),
                    ordinal_position=position,
                    fields=_nested(nested_fields(column.get("type") or "")),
                )
                for position, column in enumerate(columns, start=1)
            ]
            return Sourced(ol.schema_dataset.SchemaDatasetFacet(fields=fields), source.origin)
    return None


def _nested(fields: Sequence[Nested]) -> list[ol.schema_dataset.SchemaDatasetFacetFields] | None:
    return [
        ol.schema_dataset.SchemaDatasetFacetFields(name=each.name, type=each.type, fields=_nested(each.fields))
        for each in fields
    ] or None


def column_lineage(locate: Callable[[AssetPath], DatasetRef | None], *sources: Source) -> Sourced | None:
    """`columnLineage`: `dagster/column_lineage` of the first source that has one, with assets as datasets.

    How a column is made stands in `openlineage/transformations`: column → an object with `type` (DIRECT or INDIRECT)
    and, if known, `subtype`, `description` and `masking`. Columns of assets that nobody may know of are left out.

    Raises:
        Unusable: `openlineage/transformations` has another form.
    """
    found = first(sources, "dagster/column_lineage")
    if not found:
        return None
    lineage, origin = found
    made_by, _ = first(sources, "openlineage/transformations") or ({}, None)
    if not isinstance(made_by, Mapping):
        raise Unusable(f"openlineage/transformations is {made_by!r}: an object of columns is needed.")
    fields = {}
    for column, deps in lineage.items():
        how = _transformation(column, made_by.get(column))
        read = [
            ol.column_lineage_dataset.InputField(
                namespace=ref.namespace, name=ref.name, field=name, transformations=[how] if how else None
            )
            for path, name in deps
            if (ref := locate(tuple(path)))
        ]
        if read or not deps:
            fields[column] = ol.column_lineage_dataset.Fields(inputFields=read)
    return Sourced(ol.column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields), origin) if fields else None


def _transformation(column: str, found: object) -> ol.column_lineage_dataset.Transformation | None:
    if found is None:
        return None
    return declared(ol.column_lineage_dataset.Transformation, found, f"openlineage/transformations of {column}")


def data_source(ref: DatasetRef, *sources: Source) -> Sourced:
    """`dataSource`: on every dataset, because Marquez answers 500 for sources without it.

    The URI is `dagster/uri` where the metadata has one, else made of the namespace and name; what no URI may hold is
    percent-encoded, and a path is one of `file:`.
    """
    uri, origin = uris.address_of_name(ref.namespace, ref.name), Origin.DEFINITION
    if found := first(sources, "dagster/uri"):
        uri, origin = uris.address(str(found[0])), found[1]
    return Sourced(ol.datasource_dataset.DatasourceDatasetFacet(name=ref.namespace, uri=uri), origin)


def documentation(info: AssetInfo) -> Sourced | None:
    """`documentation`: the asset's description, which Dagster reads as Markdown."""
    if not info.description:
        return None
    facet = ol.documentation_dataset.DocumentationDatasetFacet(description=info.description, contentType=MARKDOWN)
    return Sourced(facet, Origin.DEFINITION)


def ownership(info: AssetInfo) -> Sourced | None:
    """`ownership`: the asset's owners."""
    if not info.owners:
        return None
    owners = [ol.ownership_dataset.Owner(name=owner, type="OWNER") for owner in info.owners]
    return Sourced(ol.ownership_dataset.OwnershipDatasetFacet(owners=owners), Origin.DEFINITION)


def tags(info: AssetInfo, *sources: Source) -> Sourced | None:
    """`tags`: the asset's tags, kinds and group, and the tags of its columns, each with its column as `field`."""
    kind = ol.tags_dataset.TagsDatasetFacetFields
    found = [kind(key=key, value=value, source="DAGSTER") for key, value in asset_tags(info)]
    table = next((table for source in sources if (table := source.metadata.get("dagster/column_schema"))), {})
    for column in table.get("columns", ()) if isinstance(table, Mapping) else ():
        found += [
            kind(key=str(key), value=text(value) or "true", source="DAGSTER", field=column["name"])
            for key, value in (column.get("tags") or {}).items()
        ]
    return Sourced(ol.tags_dataset.TagsDatasetFacet(tags=found), Origin.DEFINITION) if found else None


def asset_tags(info: AssetInfo) -> list[tuple[str, str]]:
    """The asset's tags, kinds and group as key and value; a tag without a value has the value `true`."""
    pairs = [*info.tags.items(), *(("kind", kind) for kind in info.kinds)]
    pairs += [("group", info.group)] if info.group else []
    return [(key, value or "true") for key, value in pairs]


def version(data_version: str | None, *sources: Source) -> Sourced | None:
    """`version`: Dagster's data version, of what was written or of what was read.

    `openlineage/version` in metadata speaks first (an Iceberg snapshot's id). `INITIAL` is Dagster's word for data that
    nobody has given a version.
    """
    found, origin = first(sources, "openlineage/version") or (data_version, Origin.LOG)
    if not found or found == "INITIAL":
        return None
    return Sourced(ol.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(found)), origin)


def dataset_type(ref: DatasetRef, info: AssetInfo, *sources: Source) -> Sourced | None:
    """`datasetType`: TABLE, VIEW, FILE, TOPIC, STREAM, MODEL.

    `openlineage/dataset_type` in metadata (a word, or an object with `datasetType` and `subType`) speaks first, then
    what dbt says (`dagster_dbt/materialization_type`), then the asset's kinds, then what the namespace's scheme holds.

    Raises:
        Unusable: `openlineage/dataset_type` has another form.
    """
    kind = ol.dataset_type_dataset.DatasetTypeDatasetFacet
    if found := first(sources, "openlineage/dataset_type"):
        said, origin = found
        facet = kind(said.upper()) if isinstance(said, str) else declared(kind, said, "openlineage/dataset_type")
        return Sourced(facet, origin)
    if found := first(sources, "dagster_dbt/materialization_type", "dagster-dbt/materialization_type"):
        said, origin = found
        if said in _TYPE_OF_DBT:
            return Sourced(kind(*_TYPE_OF_DBT[said]), origin)
    by_kind = next((_TYPE_OF_KIND[each] for each in info.kinds if each in _TYPE_OF_KIND), None)
    of_scheme = by_kind or _type_of(uris.scheme_of(ref.namespace))
    return Sourced(kind(of_scheme), Origin.DEFINITION) if of_scheme else None


def _type_of(scheme: str) -> str | None:
    if scheme in uris.DATABASES or scheme == "arn":
        return "TABLE"
    return "FILE" if scheme in uris.OBJECT_STORES else "TOPIC" if scheme in ("kafka", "pubsub") else None


def storage(ref: DatasetRef, info: AssetInfo, *sources: Source) -> Sourced | None:
    """`storage`: the table format or store, and the file format.

    `openlineage/storage` in metadata (an object with `storageLayer` and, if known, `fileFormat`) speaks first. Else the
    asset's kinds: a table format (iceberg, delta, hudi) is the layer, a file format (parquet, csv, …) the format, in
    the store that the namespace names.

    Raises:
        Unusable: `openlineage/storage` has another form.
    """
    kind = ol.storage_dataset.StorageDatasetFacet
    if found := first(sources, "openlineage/storage"):
        return Sourced(declared(kind, found[0], "openlineage/storage"), found[1])
    layer = next((each for each in info.kinds if each in _LAYERS), None)
    file_format = next((each for each in info.kinds if each in _FORMATS), None)
    scheme = uris.scheme_of(ref.namespace)
    layer = layer or (scheme if file_format and scheme in uris.OBJECT_STORES else None)
    return Sourced(kind(storageLayer=layer, fileFormat=file_format), Origin.DEFINITION) if layer else None


def catalog(*sources: Source) -> Sourced | None:
    """`catalog`: `openlineage/catalog` in metadata, an object with `framework`, `type`, `name` and what else is known.

    Raises:
        Unusable: It has another form.
    """
    found = first(sources, "openlineage/catalog")
    if not found:
        return None
    return Sourced(declared(ol.catalog_dataset.CatalogDatasetFacet, found[0], "openlineage/catalog"), found[1])


def hierarchy(ref: DatasetRef, *sources: Source) -> Sourced | None:
    """`hierarchy`: `openlineage/hierarchy` in metadata, a list of objects with `type` and `name`, highest first.

    Else that of a table whose name has the two or three levels of a database: DATABASE, SCHEMA, TABLE.

    Raises:
        Unusable: `openlineage/hierarchy` has another form.
    """
    level = ol.hierarchy_dataset.HierarchyDatasetFacetLevel
    facet = ol.hierarchy_dataset.HierarchyDatasetFacet
    if found := first(sources, "openlineage/hierarchy"):
        key = "openlineage/hierarchy"
        return Sourced(facet(hierarchy=[declared(level, each, key) for each in listed(found[0], key)]), found[1])
    names = ref.name.split(".")
    types = _LEVELS.get(len(names))
    if types is None or not all(names) or uris.scheme_of(ref.namespace) not in uris.DATABASES:
        return None
    return Sourced(facet(hierarchy=[level(*pair) for pair in zip(types, names, strict=True)]), Origin.DEFINITION)


def symlinks(ref: DatasetRef, *sources: Source) -> Sourced | None:
    """`symlinks`: `openlineage/symlinks` in metadata, a list of objects with `namespace`, `name` and `type`.

    Other names of the same data, as an Iceberg table's path. The type is TABLE where none is given; the dataset's own
    name is left out.

    Raises:
        Unusable: It has another form.
    """
    found = first(sources, "openlineage/symlinks")
    if not found:
        return None
    key = "openlineage/symlinks"
    identifiers = []
    for each in listed(found[0], key):
        whole = {"type": "TABLE", **each} if isinstance(each, Mapping) else each
        other = declared(ol.symlinks_dataset.Identifier, whole, key)
        if (other.namespace, other.name) != (ref.namespace, ref.name):
            identifiers.append(other)
    return Sourced(ol.symlinks_dataset.SymlinksDatasetFacet(identifiers=identifiers), found[1]) if identifiers else None


def lifecycle_state_change(*sources: Source) -> Sourced | None:
    """`lifecycleStateChange`: what writing did to the dataset, by `openlineage/write_mode` in metadata.

    `create`, `overwrite` (or `replace`), `truncate`, `alter`, `drop`; for a renamed dataset an object with `mode`
    (`rename`) and `previous` (`namespace` and `name`). Modes that keep it (`append`, `merge`, …) are no change.

    Raises:
        Unusable: The mode is none of these.
    """
    found = first(sources, "openlineage/write_mode")
    if not found:
        return None
    said, origin = found
    parts: Mapping[str, Any] = said if isinstance(said, Mapping) else {"mode": said}
    mode = str(parts.get("mode", "")).lower()
    if mode not in _MODES:
        raise Unusable(f"openlineage/write_mode is {said!r}: one of {', '.join(_MODES)} is needed.")
    change = _MODES[mode]
    if change is None:
        return None
    before = parts.get("previous")
    kind = ol.lifecycle_state_change_dataset
    previous = declared(kind.PreviousIdentifier, before, "openlineage/write_mode") if before else None
    facet = kind.LifecycleStateChangeDatasetFacet(kind.LifecycleStateChange(change), previous)
    return Sourced(facet, origin)
