# Every command does its own set-up: Python 3.11+ is all it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
    command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
    && { echo $$p; break; }; done)
VENV := .venv
OLDEST := .venv-oldest
BIN := $(VENV)/bin
ARGS ?=
# Dagster's storages load some eighty migrations: without compiled files that costs every SQLite file a tenth of a second.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo spark test test-oldest-dagster conformance chaos check bench bench-backfill format
.PHONY: lock lock-jars clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(VENV)/.dev ## Set up .venv with everything: weather, dagster, dg, the tests' tools

spark: $(VENV)/.spark ## Install what Spark jobs need: PySpark, a Java, the jars (600 MB, once)
	@$(BIN)/weather spark jars

demo: $(VENV)/.run $(if $(SPARK),$(VENV)/.spark) ## Start the stack, run the pipeline, show its lineage (ONCE=1: verify, print JSON, stop; SPARK=1: with Kafka, Spark, Iceberg)
	@$(BIN)/weather demo $(if $(ONCE),--once) $(if $(SPARK),--spark) $(ARGS)

test: $(VENV)/.dev $(VENV)/.spark ## Run every test, two files at a time (ARGS="-k name" for some)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-oldest-dagster: $(OLDEST)/.dev ## Run the exporter's tests on the oldest Dagster that it supports
	@$(OLDEST)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/unit/lineage tests/integration/lineage \
	    tests/integration/lineage_commands/test_{spans,resend,explain}.py tests/property/test_lineage_fold.py \
	    --ignore tests/integration/lineage/test_chaos.py --ignore tests/integration/lineage/test_outages.py \
	    --ignore tests/integration/lineage/test_transports.py --ignore tests/integration/lineage/test_kafka.py \
	    -k "not consolidated" $(ARGS)

conformance: $(VENV)/.dev ## Judge every event of the exporter's tests by OpenLineage's schemas
	@$(BIN)/python -m tests.conformance -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(VENV)/.dev ## Measure speed and memory (ARGS="load" for one, ARGS="--write" for docs/benchmarks.md)
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/.dev ## Put the exporter into a storm of faults (ARGS="--runs 300 --seed 7 --write")
	@$(BIN)/python -m tests.chaos $(ARGS)

check: $(VENV)/.dev $(VENV)/.spark ## Format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench-backfill: $(VENV)/.run ## Time a backfill of 30 days on a fresh stack (ARGS="2026-10-01 2026-10-03")
	@$(BIN)/python scripts/bench_backfill.py $(ARGS)

lock: $(VENV)/.dev ## Rebuild the hash-locked requirements from pyproject.toml (needs uv)
	@.ci/lock

lock-jars: $(VENV)/.dev ## Rebuild jars.lock from the coordinates in it
	@$(BIN)/python .ci/lock-jars

clean: ## Remove the environment and the stack's state
	@[ ! -x $(BIN)/weather ] || $(BIN)/weather down --delete-data --yes
	rm -rf $(VENV) $(OLDEST) .weather

%/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found. Install one, or name it: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Creating the environment in $* with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $*

$(VENV)/.run: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the locked requirements (once, about a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# PySpark comes as source. Built in this environment, by what is locked, nothing is fetched without a hash.
$(VENV)/.spark: requirements-build.txt requirements-spark.txt $(VENV)/.run
	@echo "Installing the locked requirements of Spark jobs (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation -r requirements-spark.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "Installing the locked development requirements (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(OLDEST)/.dev: requirements-dagster-oldest.txt pyproject.toml | $(OLDEST)/bin/python
	@echo "Installing the oldest supported Dagster and the tests' tools (once) …"
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dagster-oldest.txt
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
