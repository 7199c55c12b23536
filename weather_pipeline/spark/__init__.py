"""Spark jobs with lineage: what runs inside Spark, and what it needs there. No Dagster, no server of the stack."""
