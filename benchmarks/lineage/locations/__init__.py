"""Code locations of the contestants: the same four assets, each with another exporter."""
