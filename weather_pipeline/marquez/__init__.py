"""Marquez: a typed client, the pure graph over its answers, and the embedded service that answers like it."""

from __future__ import annotations
