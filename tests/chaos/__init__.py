"""The exporter in a storm: a real daemon and a real lineage service, both killed, behind a proxy that fails by plan."""
