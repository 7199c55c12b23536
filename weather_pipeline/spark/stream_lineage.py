"""The OpenLineage run of a streaming query, told by the job itself.

The listener does not join what a micro-batch reads with what it writes (OpenLineage issue 3398).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openlineage.client.uuid import generate_new_uuid

from weather_pipeline.spark.events import PRODUCER, PROJECT, Kind, data_source, dataset_version, facet, schema, tell


@dataclass(frozen=True)
class Batch:
    """What a micro-batch did.

    Attributes:
        id: Its number in the checkpoint.
        start: First offset of each partition, `{partition: offset}`; None where that is not known.
        end: Offset after the last of each partition that it read.
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
        tell(
            self._file,
            kind,
            run_id=self.run_id,
            job=(self._namespace, self._job),
            job_type=self._job_type(),
            run_facets={} if batch is None else {"streaming_batch": _batch_facet(batch)},
            inputs=[self._input(batch)],
            outputs=[self._output(output, batch) for output in self._outputs],
        )

    def _job_type(self) -> dict[str, Any]:
        pattern = {"eventTrigger": "EVENT_BASED", "eventContentMode": "COMPLETE_SNAPSHOT"}
        if self._window is not None:
            pattern = {**pattern, "eventTrigger": "PERIODIC", "windowDuration": self._window}
        return {"processingType": "STREAMING", "jobType": "JOB", "emissionPattern": pattern}

    def _input(self, batch: Batch | None) -> dict[str, Any]:
        namespace, name = self._topic
        facets = {"dataSource": data_source(namespace)}
        read: dict[str, Any] = {"namespace": namespace, "name": name, "facets": facets}
        if batch is not None:
            read["inputFacets"] = {
                "inputStatistics": facet("1-0-0/InputStatisticsInputDatasetFacet", rowCount=batch.read)
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
            "schema": schema(output.columns),
            "dataSource": data_source(output.namespace),
            "columnLineage": facet("1-2-0/ColumnLineageDatasetFacet", fields=columns),
        }
        written: dict[str, Any] = {"namespace": output.namespace, "name": output.name, "facets": facets}
        if batch is not None and (added := batch.added.get(output.name)):
            facets["version"] = dataset_version(added.snapshot)
            written["outputFacets"] = {
                "outputStatistics": facet(
                    "1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=added.rows, size=added.bytes
                )
            }
        return written


def _batch_facet(batch: Batch) -> dict[str, Any]:
    """The micro-batch: `StreamingBatchRunFacet`, a facet of ours."""
    return {
        "_producer": PRODUCER,
        "_schemaURL": (f"{PROJECT}/spec/facets/1-0-0/StreamingBatchRunFacet.json#/$defs/StreamingBatchRunFacet"),
        "batchId": batch.id,
        "startOffsets": dict(batch.start or {}),
        "endOffsets": dict(batch.end),
        "messages": batch.read,
    }
