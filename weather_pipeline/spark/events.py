"""OpenLineage events of jobs that tell their lineage themselves: a line each, in a file of the spool.

Who delivers them ends the application's run as the driver has ended.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pyspark

_LOG = logging.getLogger(__name__)
PROJECT = "https://weather-pipeline.example"
PRODUCER = f"{PROJECT}/spark/{version('weather-pipeline')}"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"

Kind = Literal["START", "RUNNING", "COMPLETE"]


def tell(
    file: Path,
    kind: Kind,
    *,
    run_id: str,
    job: tuple[str, str],
    job_type: Mapping[str, Any],
    run_facets: Mapping[str, Any] | None = None,
    inputs: Sequence[Mapping[str, Any]] = (),
    outputs: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Tell an event of a run. Where the spool can't be written a warning says so: a job never fails of its lineage.

    Args:
        file: The session's file in the spool.
        kind: The event's type.
        run_id: The run.
        job: The job's namespace and name.
        job_type: Fields of its facet `jobType`.
        run_facets: Facets of the run, beside the engine's.
        inputs: What it read.
        outputs: What it wrote.
    """
    engine = facet(
        "1-1-1/ProcessingEngineRunFacet",
        version=pyspark.__version__,
        name="spark",
        openlineageAdapterVersion=version("weather-pipeline"),
    )
    namespace, name = job
    event = {
        "eventTime": datetime.now(UTC).isoformat(),
        "eventType": kind,
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "run": {"runId": run_id, "facets": {"processing_engine": engine, **(run_facets or {})}},
        "job": {
            "namespace": namespace,
            "name": name,
            "facets": {"jobType": facet("2-0-4/JobTypeJobFacet", integration="SPARK", **job_type)},
        },
        "inputs": list(inputs),
        "outputs": list(outputs),
    }
    try:
        with file.open("a") as opened:
            opened.write(json.dumps(event) + "\n")
    except OSError as error:
        _LOG.warning("What %s did can't be told: %s", name, error)


def data_source(namespace: str) -> dict[str, Any]:
    """The facet `dataSource` of a dataset."""
    return facet("1-0-1/DatasourceDatasetFacet", name=namespace, uri=namespace)


def schema(columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The facet `schema` of columns and their types."""
    return facet("1-2-0/SchemaDatasetFacet", fields=[{"name": name, "type": kind} for name, kind in columns])


def dataset_version(snapshot: int) -> dict[str, Any]:
    """The facet `version` of a table's snapshot."""
    return facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=str(snapshot))


def facet(of: str, **fields: Any) -> dict[str, Any]:
    """A facet of OpenLineage.

    Args:
        of: Version and name of its schema.
        fields: Its fields.
    """
    name = of.rpartition("/")[2]
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/facets/{of}.json#/$defs/{name}", **fields}
