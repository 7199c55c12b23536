"""No exporter in the code location: the baseline, and what the rival's storage wrapper runs with."""

from benchmarks.lineage.locations.workload import definitions

defs = definitions()
