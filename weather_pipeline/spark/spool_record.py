"""Where a dataset lies and what it is called, as a session's record has it."""

Place = tuple[tuple[str, str], tuple[str, str]]
"""The storage's namespace and a path in it; the namespace and name of the dataset that lies there."""
