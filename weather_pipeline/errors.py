"""The exception tree. Every error this project raises on purpose is one of these.

::

    WeatherPipelineError
    ├── Transient                   a later attempt may succeed: retry with backoff
    │   ├── SourceUnavailable       no route, time-out, 5xx, broken body
    │   ├── SourceRateLimited       429, or a minute's budget, that is over soon: waited out, `retry_after` seconds
    │   ├── StoreUnavailable        database or object store away for now
    │   └── BronzeReplaced          a run in parallel fetched the same hour anew: its check comes next
    └── Terminal                    the same attempt fails again: stop, tell the user what to change
        ├── ConfigurationError      a setting is missing or wrong
        ├── SourceRejected          the source refused the request (HTTP 400, wrong key)
        ├── SourceQuotaSpent        429 or budget of an hour or a day: nobody waits so long; `retry_from` says when
        ├── DataError               data can't be used: wrong columns, wrong types
        ├── LoadRejected            the database refused the rows; its own message is kept
        ├── StackError              the embedded stack can't start or a part of it died
        │   └── PortTaken           a port is in use; names the port and, where known, the process
        └── LineageApiError         the lineage API answered with an error

`Transient` and `Terminal` decide about retry and nothing else does: whoever raises knows, whoever catches asks
`isinstance(error, Transient)`. The exporter (`weather_pipeline.lineage`) has errors of its own, because it is
installed without the rest.
"""

from __future__ import annotations

import errno
import re
from datetime import datetime

FOR_GOOD = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
)
"""The system's errors of a file that stay until somebody changes its directory: a configuration error.

Anything else, as a full disk, may be over soon.
"""

ENTRY_REFUSED = re.compile(
    r"authentication failed|no password supplied|(role|database) \".*\" does not exist|no pg_hba\.conf entry"
    r"|permission denied for database"
)
"""PostgreSQL's words when it refuses to let someone in: while connecting, libpq passes on no error code."""


class WeatherPipelineError(Exception):
    """Base of all errors raised on purpose by this project."""


class Transient(WeatherPipelineError):
    """A later attempt may succeed."""


class Terminal(WeatherPipelineError):
    """The same attempt would fail again."""


class SourceUnavailable(Transient):
    """The weather source can't be reached, timed out, answered 5xx or sent a broken body."""


class SourceRateLimited(Transient):
    """The weather source asks to slow down for a moment (HTTP 429), or its budget for the minute is spent."""

    def __init__(self, message: str, retry_after: float) -> None:
        """Keep the seconds after which a retry makes sense."""
        super().__init__(message, retry_after)
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message


class StoreUnavailable(Transient):
    """The database or the object store is away for now."""


class BronzeReplaced(Transient):
    """Bronze is no longer what was judged: a run in parallel has fetched the same hour, and judges it next."""


class ConfigurationError(Terminal):
    """A setting is missing or wrong."""


class SourceRejected(Terminal):
    """The weather source refused the request for good."""


class SourceQuotaSpent(Terminal):
    """The limit for the hour or the day is reached (HTTP 429, or our own budget): nothing helps before it is over."""

    def __init__(self, message: str, retry_from: datetime) -> None:
        """Keep the moment, UTC, from which a retry makes sense."""
        super().__init__(message, retry_from)
        self.message = message
        self.retry_from = retry_from

    def __str__(self) -> str:
        return self.message


class DataError(Terminal):
    """Data can't be used as it is."""


class LoadRejected(Terminal):
    """The database refused the rows; the message is the database's own."""


class StackError(Terminal):
    """The embedded stack can't start, or one of its parts died."""


class PortTaken(StackError):
    """A port the stack needs is in use."""


class LineageApiError(Terminal):
    """The lineage API answered with an error."""
