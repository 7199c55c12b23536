"""Where data lies: the lake (an object store chosen by URL) and the warehouse (PostgreSQL)."""
