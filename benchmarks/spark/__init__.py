"""Spark jobs: what they take, and what their lineage costs."""
