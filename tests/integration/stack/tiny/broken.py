"""A code location that can't be imported."""

raise RuntimeError("this location is broken on purpose")
