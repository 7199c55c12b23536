"""`make chaos`: the storm with many runs, its account on standard output as JSON.

python -m tests.chaos [--runs 300] [--seed N] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from pathlib import Path

from benchmarks.report import DOCUMENT, machine, put_into
from tests.chaos.report import section
from tests.chaos.storm import storm
from tests.integration.marquez.conftest import LineageService
from weather_pipeline.stack.postgres import EmbeddedPostgres


def main() -> int:
    """Run the storm on servers of its own; 0 where nothing was lost."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--write", action="store_true", help="Put the result into docs/benchmarks.md.")
    chosen = parser.parse_args()
    load_before = os.getloadavg()[0]

    def tell(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    tell(f"seed {chosen.seed}, {chosen.runs} runs, load average {load_before:.1f}")
    with tempfile.TemporaryDirectory(prefix="weather-chaos-") as directory:
        base = Path(directory)
        postgres = EmbeddedPostgres(base / "postgres", log_file=base / "postgres.log")
        try:
            postgres.start()
            service = LineageService(postgres.ensure_database("lineage"), base / "lineage.log")
            account = storm(base / "dagster", service, seed=chosen.seed, runs=chosen.runs, tell=tell)
        finally:
            postgres.destroy()
    sys.stdout.write(json.dumps(account.summary(), indent=2) + "\n")
    if chosen.write:
        result = section(account)
        DOCUMENT.write_text(put_into(DOCUMENT.read_text(), result, machine(load_before, result.packages)))
    return 0 if account.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
