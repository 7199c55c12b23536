"""The weather domain, pure: places, columns and units, quality rules, cleaning. Nothing here opens a connection.

Imports the standard library, pydantic, duckdb and pyarrow only.
"""
