"""The lineage service under load: what it takes, and what a graph costs."""
