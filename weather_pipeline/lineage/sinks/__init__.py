"""Where events go: OpenLineage's own transports and configuration, each with acceptance that is known.

The client's transports swallow, postpone or retry on their own; a sink says of each event what became of it. A module
a kind: `http`, `kafka`, `files`, `others` (composite, transform, any transport); `configured` chooses by OpenLineage's
own configuration.
"""

from weather_pipeline.lineage.sinks.configured import open_sink
from weather_pipeline.lineage.sinks.http import HttpSink

__all__ = ["HttpSink", "open_sink"]
