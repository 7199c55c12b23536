"""The spool: what Spark sessions leave in files → the lineage backend, at least once and in order."""
