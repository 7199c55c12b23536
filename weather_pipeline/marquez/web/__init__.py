"""The lineage page on port 5001: static files, and a read-only way to Marquez's API on the same origin.

Marquez answers without CORS headers, so a page from another port can't read it; `proxy` passes GET requests on.
The page itself (`static/`) speaks only Marquez's API and can't tell which backend answers.
"""

from weather_pipeline.marquez.web.app import create_app
from weather_pipeline.marquez.web.server import serve

__all__ = ["create_app", "serve"]
