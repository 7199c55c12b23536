"""What `/metrics` tells, read by Prometheus' own parser."""

from __future__ import annotations

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.marquez.conftest import LineageService


class Figures:
    """One scrape."""

    def __init__(self, service: LineageService) -> None:
        self.answer = requests.get(f"{service.url}/metrics", timeout=30)
        assert self.answer.status_code == 200
        families = text_string_to_metric_families(self.answer.text)
        self.samples = [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == f"weather_lineage_{name}" and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str, label: str) -> set[str]:
        return {sample.labels[label] for sample in self.samples if sample.name == f"weather_lineage_{name}"}
