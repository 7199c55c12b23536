"""The lineage service with bounds that a test can reach: small, and soon over."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from weather_pipeline.marquez.embedded.limits import Limits
from weather_pipeline.marquez.embedded.server import keep_log, serve, service_of
from weather_pipeline.settings import load_settings

LIMITS = Limits(
    body_bytes=100_000,
    body_seconds=1.0,
    head_bytes=10_000,
    head_seconds=1.0,
    answer_seconds=1.0,
    query_seconds=1.0,
    request_seconds=2.0,
    connections=4,
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--limits", type=json.loads, help="bounds as JSON, in place of those above")
    options = parser.parse_args()
    settings = load_settings()
    assert settings.lineage_database_url is not None
    service = service_of(
        settings,
        database_url=settings.lineage_database_url.get_secret_value(),
        host="127.0.0.1",
        port=options.port,
        insecure=False,
    )
    keep_log()
    limits = Limits(**options.limits) if options.limits else LIMITS
    serve(replace(service, limits=limits, retention_days=0), ready=lambda: None)
