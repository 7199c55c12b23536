"""A Dagster weather data platform whose every run arrives in Marquez as exact OpenLineage events."""
