"""Keys of the advisory locks that services on one database share: each work has its own."""

from __future__ import annotations

MIGRATION = 5_120_051
"""One process migrates at a time."""
RETENTION = 5_120_052
"""One process deletes old lineage at a time; it holds the lock for its whole turn."""
SEARCH = 5_120_053
"""One request brings the words of full-text search up to date at a time."""
INGEST = 5_120_054
"""One transaction stores events, or hides a namespace, at a time: several would wait for each other's rows."""
