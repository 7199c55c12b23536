"""Dagster wiring, one folder a subject. The work itself is done by the packages below."""
