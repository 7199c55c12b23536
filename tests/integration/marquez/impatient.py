"""The lineage service with bounds that a test can reach: small, and soon over."""

from __future__ import annotations

import argparse
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
    settings = load_settings()
    assert settings.lineage_database_url is not None
    service = service_of(
        settings,
        database_url=settings.lineage_database_url.get_secret_value(),
        host="127.0.0.1",
        port=parser.parse_args().port,
        insecure=False,
    )
    keep_log()
    serve(replace(service, limits=LIMITS, retention_days=0), ready=lambda: None)
