"""Every event that the tests' backends accept, judged by OpenLineage's own schemas and rules (`make conformance`)."""
