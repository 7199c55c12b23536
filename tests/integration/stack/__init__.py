"""The stack with real processes; what the parts run is tiny."""

from weather_pipeline.stack.plan import Modules

TINY = Modules(
    definitions="tests.integration.stack.tiny.definitions",
    lineage="tests.integration.stack.tiny.service",
    page="tests.integration.stack.tiny.service",
)
