"""The OpenLineage run of a streaming query, told by the job itself.

The listener does not join what a micro-batch reads with what it writes (OpenLineage issue 3398). Events go to the
spool, a line each; who delivers them ends the run as the driver has ended.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pyspark
from openlineage.client.uuid import generate_new_uuid

_LOG = logging.getLogger(__name__)
_PROJECT = "https://weather-pipeline.example"
PRODUCER = f"{_PROJECT}/spark/{version('weather-pipeline')}"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"

Kind = Literal["START", "RUNNING", "COMPLETE"]


@dataclass(frozen=True)
class Batch:
    """What a micro-batch did.

    Attributes:
        id: Its number in the checkpoint.
        start: First offset of each partition, `{partition: offset}`; None where that is not known.
        end: Offset after the last of each partition.
        read: Messages.
        added: Rows that it added to each table, bytes in files, and the snapshot, by the table's dataset name.
    """

    id: int
    start: Mapping[str, int] | None
    end: Mapping[str, int]
    read: int
    added: Mapping[str, Added]


@dataclass(frozen=True)
class Added:
    """What a micro-batch added to a table.

    Attributes:
        rows: Rows.
        bytes: Bytes in files.
        snapshot: The snapshot's id.
    """

    rows: int
    bytes: int
    snapshot: int


@dataclass(frozen=True)
class Output:
    """A table that a query writes.

    Attributes:
        namespace: Its dataset's namespace.
        name: Its dataset's name.
        columns: Its columns and their types.
        made_of: For each column the column of the topic that it comes from.
    """

    namespace: str
    name: str
    columns: Sequence[tuple[str, str]]
    made_of: Mapping[str, str]


class StreamRun:
    """One run of a streaming query.

    Args:
        file: The session's file in the spool.
        namespace: The job's namespace.
        job: The job's name.
        topic: Namespace and name of the topic's dataset.
        outputs: The tables that it writes.
        window: Seconds between two micro-batches; None where the query ends once it has read what is there.
    """

    def __init__(
        self,
        file: Path,
        *,
        namespace: str,
        job: str,
        topic: tuple[str, str],
        outputs: Sequence[Output],
        window: int | None,
    ) -> None:
        self.run_id = str(generate_new_uuid())
        self._file, self._namespace, self._job = file, namespace, job
        self._topic, self._outputs, self._window = topic, outputs, window

    def begin(self) -> None:
        """Tell that it runs."""
        self._tell("START", None)

    def batch(self, batch: Batch) -> None:
        """Tell what a micro-batch did."""
        self._tell("RUNNING", batch)

    def end(self, last: Batch | None) -> None:
        """Tell that it has ended; how, is known by how its driver ends.

        Args:
            last: The last micro-batch, None where there was none.
        """
        self._tell("COMPLETE", last)

    def _tell(self, kind: Kind, batch: Batch | None) -> None:
        facets: dict[str, Any] = {
            "processing_engine": _facet(
                "1-1-1/ProcessingEngineRunFacet",
                version=pyspark.__version__,
                name="spark",
                openlineageAdapterVersion=version("weather-pipeline"),
            )
        }
        if batch is not None:
            facets["streaming_batch"] = _batch_facet(batch)
        event = {
            "eventTime": datetime.now(UTC).isoformat(),
            "eventType": kind,
            "producer": PRODUCER,
            "schemaURL": _EVENT,
            "run": {"runId": self.run_id, "facets": facets},
            "job": {"namespace": self._namespace, "name": self._job, "facets": {"jobType": self._job_type()}},
            "inputs": [self._input(batch)],
            "outputs": [self._output(output, batch) for output in self._outputs],
        }
        try:
            with self._file.open("a") as file:
                file.write(json.dumps(event) + "\n")
        except OSError as error:
            # A job never fails because of its lineage.
            _LOG.warning("What a micro-batch did can't be told: %s", error)

    def _job_type(self) -> dict[str, Any]:
        pattern = {"eventTrigger": "EVENT_BASED", "eventContentMode": "COMPLETE_SNAPSHOT"}
        if self._window is not None:
            pattern = {**pattern, "eventTrigger": "PERIODIC", "windowDuration": self._window}
        return _facet(
            "2-0-4/JobTypeJobFacet",
            processingType="STREAMING",
            integration="SPARK",
            jobType="JOB",
            emissionPattern=pattern,
        )

    def _input(self, batch: Batch | None) -> dict[str, Any]:
        namespace, name = self._topic
        facets = {"dataSource": _facet("1-0-1/DatasourceDatasetFacet", name=namespace, uri=namespace)}
        read: dict[str, Any] = {"namespace": namespace, "name": name, "facets": facets}
        if batch is not None:
            read["inputFacets"] = {
                "inputStatistics": _facet("1-0-0/InputStatisticsInputDatasetFacet", rowCount=batch.read)
            }
        return read

    def _output(self, output: Output, batch: Batch | None) -> dict[str, Any]:
        namespace, name = self._topic
        transformation = {"type": "DIRECT", "subtype": "TRANSFORMATION"}
        columns = {
            column: {
                "inputFields": [
                    {"namespace": namespace, "name": name, "field": field, "transformations": [transformation]}
                ]
            }
            for column, field in output.made_of.items()
        }
        facets = {
            "schema": _facet(
                "1-2-0/SchemaDatasetFacet", fields=[{"name": column, "type": kind} for column, kind in output.columns]
            ),
            "dataSource": _facet("1-0-1/DatasourceDatasetFacet", name=output.namespace, uri=output.namespace),
            "columnLineage": _facet("1-2-0/ColumnLineageDatasetFacet", fields=columns),
        }
        written: dict[str, Any] = {"namespace": output.namespace, "name": output.name, "facets": facets}
        if batch is not None and (added := batch.added.get(output.name)):
            facets["version"] = _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=str(added.snapshot))
            written["outputFacets"] = {
                "outputStatistics": _facet(
                    "1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=added.rows, size=added.bytes
                )
            }
        return written


def _batch_facet(batch: Batch) -> dict[str, Any]:
    """The micro-batch: `StreamingBatchRunFacet`, a facet of ours."""
    return {
        "_producer": PRODUCER,
        "_schemaURL": (f"{_PROJECT}/spec/facets/1-0-0/StreamingBatchRunFacet.json#/$defs/StreamingBatchRunFacet"),
        "batchId": batch.id,
        "startOffsets": dict(batch.start or {}),
        "endOffsets": dict(batch.end),
        "messages": batch.read,
    }


def _facet(schema: str, **fields: Any) -> dict[str, Any]:
    name = schema.rpartition("/")[2]
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/facets/{schema}.json#/$defs/{name}", **fields}
