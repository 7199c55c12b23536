"""The exporter measured: real code servers, daemons and runs, and backends in processes of their own."""
