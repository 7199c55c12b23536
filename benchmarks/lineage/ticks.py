"""Ticks of the exporter's sensor one after another in this process, without a daemon.

OPENLINEAGE_URL=… python -m benchmarks.lineage.ticks HOME MODULE
"""

from __future__ import annotations

import importlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from benchmarks.lineage.deployment import reading_instance

_PAUSE = 1.0
"""Seconds between two ticks that begin, where one has nothing to do."""


@dataclass
class Ticks:
    """The only sensor of a code location, evaluated by hand with its cursor kept."""

    instance: dg.DagsterInstance
    definitions: dg.Definitions
    cursor: str | None = None

    def tick(self) -> None:
        """Evaluate once."""
        repository = self.definitions.get_repository_def()
        [sensor] = repository.sensor_defs
        context = dg.build_sensor_context(
            instance=self.instance,
            repository_def=repository,
            cursor=self.cursor,
        )
        self.cursor = sensor.evaluate_tick(context).cursor


def main(home: Path, module: str) -> None:
    """Tick until stopped."""
    with reading_instance(home) as instance:
        ticks = Ticks(instance, importlib.import_module(module).defs)
        while True:
            began = time.monotonic()
            ticks.tick()
            time.sleep(max(0.0, began + _PAUSE - time.monotonic()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
