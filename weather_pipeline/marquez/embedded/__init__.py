"""Marquez's REST API on PostgreSQL, for machines without Docker.

`app.create_app` makes the service, `python -m weather_pipeline.marquez.embedded` runs it. What it answers and where it
differs from a real Marquez on purpose: `docs/lineage-service.md`.
"""

from __future__ import annotations
