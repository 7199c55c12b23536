"""How much the service takes from one client, and how long it waits for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds that keep one client, or one question, from taking the service away from the others."""

    body_bytes: int = 8 * 1024 * 1024
    """Largest body, as sent and after decompression."""
    body_seconds: float = 60.0
    """Until a body has to be there as a whole."""
    head_bytes: int = 64 * 1024
    """Largest request line with its headers."""
    head_seconds: float = 10.0
    """Until a new connection's request line and headers have to be there, or those of a further request."""
    answer_seconds: float = 60.0
    """Until a client has to have taken its answer."""
    query_seconds: float = 15.0
    """The longest query. It and the seconds for all queries of a request stay below the 30 seconds that our own
    clients wait: they are to read the reason."""
    request_seconds: float = 25.0
    """All queries of a request together, also where the database stands still or is gone without a farewell."""
    watch_seconds: float = 5.0
    """The same for `/healthcheck` and `/metrics`: who asks for them waits for 10 seconds, as a rule."""
    turn_seconds: float = 5.0
    """Until events get their turn to be stored, while another service on the same database stores."""
    idle_seconds: float = 10.0
    """Until the database ends a transaction in which nobody says anything more: its service stands still, and others
    wait for what it holds."""
    connections: int = 256
    """Connections that are served; further ones get 503, and beyond twice as many nothing at all."""
