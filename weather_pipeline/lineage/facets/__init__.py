"""OpenLineage facets: one pure function for each, from our own values to the client's classes.

Every function gives None where Dagster knows nothing about it, so that a facet is never empty, and otherwise the facet
with the origin of what it says. The rules for what stands in a facet are those of the OpenLineage specification (core
2-0-2 and the facet versions that the installed client carries).

`runs`, `jobs`, `datasets`: facets by the entity that they stand on. `base`: what all of them share. `custom`: the
user's own, from metadata and from a `hook`.
"""
