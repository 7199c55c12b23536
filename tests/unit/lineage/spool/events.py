"""Events as Spark's listener writes them, for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

APPLICATION = str(UUID(int=1))
_SPARK = "https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark"
_SPEC = "https://openlineage.io/spec"


def run_id(number: int) -> str:
    """The run id of an action; that of the application is 1."""
    return str(UUID(int=number))


def event(
    kind: str, run: str = APPLICATION, *, at: int = 0, inputs: tuple[Any, ...] = (), outputs: tuple[Any, ...] = ()
) -> dict[str, Any]:
    """An event of the application, or of an action of it."""
    facets: dict[str, Any] = {}
    name = "my_job"
    if run != APPLICATION:
        name = f"my_job.append_{int(UUID(run))}"
        facets["parent"] = {
            "_producer": _SPARK,
            "_schemaURL": f"{_SPEC}/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
            "run": {"runId": APPLICATION},
            "job": {"namespace": "neuronews", "name": "my_job"},
        }
    return {
        "eventTime": f"2026-11-22T10:00:{at:02}Z",
        "eventType": kind,
        "producer": _SPARK,
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": facets},
        "job": {"namespace": "neuronews", "name": name, "facets": {}},
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def began(at: int) -> int:
    """The milliseconds of an event's second, by which a driver names the action that began then."""
    return int(datetime.fromisoformat(event("START", at=at)["eventTime"]).timestamp() * 1000)


def session(*actions: int) -> list[dict[str, Any]]:
    """An application whose actions run one after another, and all is well."""
    inner = [event(kind, run_id(action)) for action in actions for kind in ("START", "RUNNING", "COMPLETE")]
    return [event("START"), *inner, event("COMPLETE")]
