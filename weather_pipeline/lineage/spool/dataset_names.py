"""The datasets of an event of Spark's listener → the same under the names that every producer gives them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from weather_pipeline.lineage.model import DatasetRef
from weather_pipeline.lineage.naming import Place, canonical, checked, iceberg_table
from weather_pipeline.lineage.spool.facets import facet

_SYMLINKS = "https://openlineage.io/spec/facets/1-0-1/SymlinksDatasetFacet.json#/$defs/SymlinksDatasetFacet"
_METADATA = frozenset(
    {
        *("history", "metadata_log_entries", "snapshots", "entries", "files", "data_files", "delete_files"),
        *("manifests", "partitions", "position_deletes", "refs", "all_data_files", "all_delete_files", "all_entries"),
        *("all_files", "all_manifests"),
    }
)
"""Iceberg's metadata tables (`org.apache.iceberg.MetadataTableType`)."""
_SUMS = ("rowCount", "size", "fileCount")
_STATISTICS = ("inputStatistics", "outputStatistics")

Dataset = dict[str, Any]


def with_canonical_names(told: Mapping[str, Any], places: Sequence[Place]) -> dict[str, Any]:
    """The event with canonical names; several parts of one dataset become one.

    Args:
        told: A RunEvent.
        places: Where datasets lie, and what they are called.

    Raises:
        InvalidName: A dataset has a name that no backend should get.
    """
    sides = {side: [each for each in told.get(side) or () if not _is_metadata(each)] for side in ("inputs", "outputs")}
    names = {_ref(each): _name(each, places) for side in sides.values() for each in side}
    for name in names.values():
        checked(name)
    renamed = {side: _merged(_renamed(each, names, places) for each in datasets) for side, datasets in sides.items()}
    return {**told, **renamed}


def without_itself(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The dataset without those origins of its columns that are columns of itself: rows that were written again.

    Args:
        dataset: An output, with its canonical name.
    """
    facets = dict(dataset.get("facets") or {})
    columns = facets.get("columnLineage")
    if not columns:
        return dict(dataset)

    def of_others(sources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [source for source in sources if _ref(source) != _ref(dataset)]

    fields = {
        column: {**made, "inputFields": sources}
        for column, made in columns.get("fields", {}).items()
        if (sources := of_others(made.get("inputFields", ())))
    }
    whole = {"dataset": of_others(columns["dataset"])} if "dataset" in columns else {}
    facets["columnLineage"] = {**columns, "fields": fields, **whole}
    return {**dataset, "facets": facets}


def _ref(dataset: Mapping[str, Any]) -> DatasetRef:
    return DatasetRef(dataset["namespace"], dataset["name"])


def _is_metadata(dataset: Mapping[str, Any]) -> bool:
    """Whether it is what an Iceberg table says of itself, as `news.articles.snapshots`: no data, with other columns."""
    table = _iceberg_table(dataset)
    # A table in a namespace has one dot.
    return table is not None and table[1].count(".") > 1 and table[1].rpartition(".")[2] in _METADATA


def _iceberg_table(dataset: Mapping[str, Any]) -> tuple[str, str] | None:
    """The catalog and the name in it of an Iceberg table; None of anything else."""
    facets = dataset.get("facets") or {}
    catalog = facets.get("catalog") or {}
    if catalog.get("framework") == "iceberg":
        for identifier in (facets.get("symlinks") or {}).get("identifiers", ()):
            if identifier.get("type") == "TABLE":
                return catalog["name"], identifier["name"]
    return None


def _name(dataset: Mapping[str, Any], places: Sequence[Place]) -> DatasetRef:
    """A table goes by its catalog, which knows it on every machine; all else by its place."""
    if (table := _iceberg_table(dataset)) is not None:
        return iceberg_table(*table)
    return canonical(_ref(dataset), places)


def _renamed(dataset: Mapping[str, Any], names: Mapping[DatasetRef, DatasetRef], places: Sequence[Place]) -> Dataset:
    physical = _ref(dataset)
    name = names[physical]
    facets = dict(dataset.get("facets") or {})
    if name != physical:
        identifier = {"namespace": physical.namespace, "name": physical.name, "type": "LOCATION"}
        facets["symlinks"] = facet(_SYMLINKS, identifiers=[identifier])
    if columns := facets.get("columnLineage"):
        facets["columnLineage"] = _renamed_columns(columns, names, places)
    return {**dataset, "namespace": name.namespace, "name": name.name, "facets": facets}


def _renamed_columns(
    columns: Mapping[str, Any], names: Mapping[DatasetRef, DatasetRef], places: Sequence[Place]
) -> dict[str, Any]:
    def renamed(source: Mapping[str, Any]) -> dict[str, Any]:
        physical = _ref(source)
        name = names.get(physical) or canonical(physical, places)
        return {**source, "namespace": name.namespace, "name": name.name}

    fields = {
        column: {**made, "inputFields": _distinct(map(renamed, made.get("inputFields", ())))}
        for column, made in columns.get("fields", {}).items()
    }
    whole = {"dataset": _distinct(map(renamed, columns["dataset"]))} if "dataset" in columns else {}
    return {**columns, "fields": fields, **whole}


def _distinct(sources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for source in sources:
        if source not in found:
            found.append(source)
    return found


def _merged(datasets: Iterable[Dataset]) -> list[Dataset]:
    """Each dataset once: the files of one are parts of it."""
    found: dict[tuple[str, str], Dataset] = {}
    for dataset in datasets:
        key = (dataset["namespace"], dataset["name"])
        found[key] = _joined(found[key], dataset) if key in found else dataset
    return list(found.values())


def _joined(first: Dataset, second: Dataset) -> Dataset:
    joined = {**first, "facets": {**second["facets"], **first["facets"]}}
    if links := [each["facets"]["symlinks"] for each in (first, second) if "symlinks" in each["facets"]]:
        identifiers = _distinct(identifier for link in links for identifier in link["identifiers"])
        joined["facets"]["symlinks"] = {**links[0], "identifiers": identifiers}
    for side in ("inputFacets", "outputFacets"):
        if side in first or side in second:
            joined[side] = _summed(first.get(side) or {}, second.get(side) or {})
    return joined


def _summed(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Facets of two parts: what is counted is added up, of all else the first one's holds."""
    joined = {**second, **first}
    for name in _STATISTICS:
        if name in first and name in second:
            sums = {
                key: first[name][key] + second[name][key] for key in _SUMS if key in first[name] and key in second[name]
            }
            joined[name] = {**first[name], **sums}
    return joined
