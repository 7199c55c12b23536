"""The lake: a directory, or an S3 server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from weather_pipeline.doctor.disk import judge_places, place
from weather_pipeline.doctor.finding import Finding, listed, ok, problem, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.doctor.web import Answer, Failure, Obstacle, get
from weather_pipeline.errors import ConfigurationError, StoreUnavailable
from weather_pipeline.settings import Settings
from weather_pipeline.store.base import open_store
from weather_pipeline.store.s3 import S3Store
from weather_pipeline.store.s3_access import s3_access

_READ_TIMEOUT = 5.0


def look(surroundings: Surroundings) -> Outcome:
    """Look at the lake. Makes no bucket."""
    settings = surroundings.settings
    url = settings.effective_lake_url
    try:
        store = open_store(url, s3_access(settings))
    except ConfigurationError as error:
        remedy = "Correct WEATHER_LAKE_URL and what belongs to it. docs/settings.md lists all settings."
        return Outcome([problem("url", str(error), cause="The lake's settings don't fit together.", remedy=remedy)])
    if isinstance(store, S3Store):
        return _look_at_server(store, settings)
    path = Path(unquote(urlsplit(url).path))
    findings = judge_places([place("the lake", path)])
    if all(finding.status == "ok" for finding in findings):
        return Outcome([ok("directory", f"{path}, " + ("writable" if path.is_dir() else "made at the first write"))])
    return Outcome(findings)


def _look_at_server(store: S3Store, settings: Settings) -> Outcome:
    scheme = "https" if store.access.secure else "http"
    answer = get(f"{scheme}://{store.endpoint}/")
    if isinstance(answer, Failure):
        return Outcome([judge_failure(answer, secure=store.access.secure)])
    readings = [answer.clock] if answer.clock else []
    # One attempt with short waits: the doctor's patience is less than a run's.
    patient = S3Store(store.endpoint, store.access, attempts=1, read_timeout=_READ_TIMEOUT)
    try:
        missing = patient.missing_buckets()
    except (ConfigurationError, StoreUnavailable) as error:
        return Outcome([_refused(error)], readings)
    if missing and not speaks_s3(answer):
        # Any web server says 404 to a question for a bucket.
        return Outcome([_no_s3(store)], readings)
    return Outcome([judge_buckets(store.endpoint, missing, create=settings.s3_create_buckets)], readings)


def speaks_s3(answer: Answer) -> bool:
    """Whether this is how an S3 server answers who shows no key: in XML, or with headers of its own."""
    return "<Error" in answer.body or any(name.lower().startswith("x-amz-") for name in answer.headers)


def judge_failure(failure: Failure, *, secure: bool) -> Finding:
    """What to say of an S3 server that does not answer."""
    remedy = f"{failure.remedy} WEATHER_LAKE_URL names it."
    if failure.obstacle in (Obstacle.TLS, Obstacle.BROKEN):
        remedy = f"Correct WEATHER_LAKE_URL, or set {_other_setting(secure)}."
    tls = "with TLS" if secure else "without TLS"
    found = f"The S3 server does not answer {tls}: {failure.found}."
    return problem("server", found, cause=failure.cause, remedy=remedy)


def judge_buckets(endpoint: str, missing: Sequence[str], *, create: bool) -> Finding:
    """What to say of the lake's buckets."""
    if not missing:
        return ok("server", f"s3://{endpoint} lets us in and has its buckets")
    names = listed(list(missing))
    if create:
        return ok("server", f"s3://{endpoint} lets us in; {names} {_are(missing)} made at the first write")
    return problem(
        "buckets",
        f"s3://{endpoint} has no bucket {names}.",
        cause="They were never made, and WEATHER_S3_CREATE_BUCKETS=false forbids to make them.",
        remedy="Make them with the server's own tools, or let the first write do it:",
        command="export WEATHER_S3_CREATE_BUCKETS=true",
    )


def _no_s3(store: S3Store) -> Finding:
    return problem(
        "server",
        f"What answers at {store.endpoint} is no S3 server.",
        cause=f"WEATHER_LAKE_URL names another program's port, or the server speaks {_other(store.access.secure)}.",
        remedy=f"Correct WEATHER_LAKE_URL, or set {_other_setting(store.access.secure)}.",
    )


def _other(secure: bool) -> str:
    return "plain HTTP" if secure else "TLS"


def _other_setting(secure: bool) -> str:
    return f"WEATHER_S3_SECURE={str(not secure).lower()} for {_other(secure)}"


def _refused(error: ConfigurationError | StoreUnavailable) -> Finding:
    remedy = "Correct WEATHER_S3_ACCESS_KEY and WEATHER_S3_SECRET_KEY, or have the key's rights widened."
    if isinstance(error, ConfigurationError):
        return problem("key", str(error), cause="The server does not let this key in.", remedy=remedy)
    cause = "The server answers, but not as an S3 server does."
    return warning("server", str(error), cause=cause, remedy="Look at the server, and at WEATHER_LAKE_URL.")


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


CHECK = Check("lake", look)
