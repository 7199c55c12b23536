"""The lineage backend: whether it answers, whether it is Marquez's API, and what it has of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from weather_pipeline.doctor import dead_letters
from weather_pipeline.doctor.finding import Finding, ok, problem, skipped, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.doctor.web import Answer, Failure, get
from weather_pipeline.errors import ConfigurationError, StackError
from weather_pipeline.marquez.token import lineage_token
from weather_pipeline.stack.environment import dagster_environment
from weather_pipeline.stack.plan import LINEAGE, LineageTarget
from weather_pipeline.stack.probes import is_lineage_api
from weather_pipeline.urls import without_login

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SERVER_ERROR, _UNAVAILABLE = 200, 401, 403, 404, 500, 503
_REDIRECTS = range(300, 400)


@dataclass(frozen=True)
class BackendFacts:
    """What was found at an address.

    Attributes:
        url: The address, without a login.
        namespaces: The answer to the list of namespaces.
        ping: The answer of /ping, which is that of Marquez's admin port; None where it was not asked.
        page_of: The API that a lineage page of ours at this address passes requests on to, if it is one.
        namespace: The jobs' namespace.
        known: Whether the backend knows it; None where that could not be found out.
        last_event: When the newest event happened, if there is one.
    """

    url: str
    namespaces: Answer | Failure
    namespace: str
    ping: Answer | Failure | None = None
    page_of: str | None = None
    known: bool | None = None
    last_event: datetime | None = None


def look(surroundings: Surroundings) -> Outcome:
    """Look at where lineage goes."""
    if surroundings.environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return Outcome([_disabled()])
    try:
        target = surroundings.lineage
    except ConfigurationError as error:
        remedy = "Correct OPENLINEAGE_URL, as http://localhost:5000, or unset it."
        return Outcome([problem("address", str(error), cause="OPENLINEAGE_URL is mistyped.", remedy=remedy)])
    if target.address is None:
        return Outcome([skipped("api", f"lineage goes where {target.reason} says, which only OpenLineage can read")])
    if target.embedded and not surroundings.part_is_up(LINEAGE):
        return Outcome([_embedded_is_down(surroundings, target.address)])
    try:
        token = lineage_token(surroundings.settings)
    except ConfigurationError as error:
        remedy = "Correct the token, or unset it."
        return Outcome([problem("token", str(error), cause="The lineage API's token can't be read.", remedy=remedy)])
    facts = ask(target.address, surroundings.settings.lineage_namespace, token)
    answered = isinstance(facts.namespaces, Answer) and not target.embedded and facts.namespaces.clock
    findings = [judge(facts, target), *judge_running(surroundings, target), *_dead_letters(surroundings)]
    return Outcome(findings, [answered] if answered else [])


def judge_running(surroundings: Surroundings, target: LineageTarget) -> list[Finding]:
    """Whether the running stack sends lineage elsewhere than these settings say."""
    told = surroundings.stack.lineage
    if surroundings.stack.lineage_alone:
        return []  # it sends nothing
    if told is None or told == (target.url or target.reason):
        return []
    return [
        warning(
            "running",
            f"The running stack sends lineage to {told}, these settings say {target.url or target.reason}.",
            cause="The settings were changed after its start, or are another shell's.",
            remedy="Start the stack again with these settings, or look with those it was started with:",
            command=surroundings.command("down"),
        )
    ]


def ask(address: str, namespace: str, token: str | None = None) -> BackendFacts:
    """Ask what may be a Marquez; one answer leads to the next question."""
    url = without_login(address)
    api = f"{address}/api/v1"
    namespaces = get(f"{api}/namespaces?limit=1", token)
    if isinstance(namespaces, Failure):
        return BackendFacts(url, namespaces, namespace)
    if not is_marquez(namespaces):
        return BackendFacts(url, namespaces, namespace, ping=get(f"{address}/ping", token))
    page = _json(get(f"{address}/config.json", token))
    own = get(f"{api}/namespaces/{quote(namespace, safe='')}", token)
    events = _json(get(f"{api}/events/lineage?limit=1&sortDirection=desc", token))
    return BackendFacts(
        url,
        namespaces,
        namespace,
        page_of=page.get("marquezUrl") if isinstance(page, dict) else None,
        known={_OK: True, _NOT_FOUND: False}.get(own.status) if isinstance(own, Answer) else None,
        last_event=_time_of(events),
    )


def is_marquez(answer: Answer) -> bool:
    """Whether this is Marquez's answer to the list of namespaces."""
    body = answer.json()
    return answer.status == _OK and isinstance(body, dict) and "namespaces" in body


def judge(facts: BackendFacts, target: LineageTarget, *, now: datetime | None = None) -> Finding:
    """What to say of a backend."""
    answer = facts.namespaces
    where = "the embedded lineage service" if target.embedded else f"{facts.url} ({target.reason})"
    if isinstance(answer, Failure):
        other = "" if target.embedded else f"; unset {_variable(target)} for the embedded service"
        return problem(
            "api",
            f"The lineage backend {where} does not answer: {answer.found}.",
            cause=answer.cause,
            remedy=f"{answer.remedy} Events wait until it answers{other}.",
        )
    if not is_marquez(answer):
        return _not_marquez(facts, answer, target)
    if facts.page_of is not None:
        return problem(
            "api",
            f"{facts.url} is a lineage page, not the API: it only reads.",
            cause=f"{_variable(target)} names the page's port.",
            remedy="Name the API:",
            command=f"export {_variable(target)}={facts.page_of}",
        )
    return ok("api", f"{where} answers; {_contents(facts, now or datetime.now(UTC))}")


def _not_marquez(facts: BackendFacts, answer: Answer, target: LineageTarget) -> Finding:
    name = _variable(target)
    said = f"it answers /api/v1/namespaces with {answer.status}"
    if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
        return problem(
            "api",
            f"The lineage backend {facts.url} lets nobody in: {said}.",
            cause="It, or a proxy in front of it, wants a user and a password or a token.",
            remedy="Give them: MARQUEZ_URL=http://user:password@host:port, or a token in WEATHER_LINEAGE_TOKEN. "
            "OpenLineage's own configuration, where there is one (openlineage.yml), has its own.",
        )
    if target.embedded and answer.status == _UNAVAILABLE:
        return problem(
            "api",
            "The embedded lineage service waits for its database: it answers, but with 503.",
            cause="PostgreSQL is away, or starts again.",
            remedy="See what the check `database` says, and logs/postgres.log in the state directory. Events wait "
            "until it answers.",
        )
    ping = facts.ping
    if isinstance(ping, Answer) and ping.status == _OK and ping.body.strip() == "pong":
        cause, remedy = (
            "This is Marquez's admin port, which serves health checks and metrics.",
            f"Name the API's port in {name}: by default 5000 where the admin port is 5001.",
        )
    elif answer.status in _REDIRECTS or (answer.status == _OK and "html" in answer.content_type):
        cause, remedy = (
            "This is a web page, such as Marquez's own on port 3000, or a login in front of the API.",
            f"Name the API in {name}: by default port 5000.",
        )
    elif answer.status >= _SERVER_ERROR:
        cause, remedy = "The backend is ill, or its database is away.", "Look at its log."
    else:
        cause, remedy = f"{name} names another server.", f"Correct {name}: http://host:port, without /api/v1."
    return problem("api", f"{facts.url} is not Marquez's API: {said}.", cause=cause, remedy=remedy)


def _contents(facts: BackendFacts, now: datetime) -> str:
    if facts.known is False or facts.last_event is None:
        return f"it has no events of {facts.namespace} yet" if facts.known is False else "no event arrived yet"
    minutes = max(0, round((now - facts.last_event).total_seconds() / 60))
    for unit, length in (("days", 1440), ("hours", 60)):
        if minutes >= 2 * length:
            return f"the newest event is {minutes // length} {unit} old"
    return f"the newest event is {minutes} min old"


def _embedded_is_down(surroundings: Surroundings, address: str) -> Finding:
    if not surroundings.running:
        if is_lineage_api(address):
            home = surroundings.settings.home
            return ok("api", f"a lineage service answers at {address}, though nothing of {home} runs")
        return skipped("api", "the embedded lineage service starts with the stack")
    return warning(
        "api",
        "The embedded lineage service does not answer, though the stack is not stopped.",
        cause="It died, or is starting.",
        remedy="Its log says why: logs/lineage.log in the state directory. Events wait until it answers.",
        command=surroundings.command("status"),
    )


def _dead_letters(surroundings: Surroundings) -> list[Finding]:
    if not surroundings.postgres_is_up:
        return []
    try:
        url = dagster_environment(surroundings.settings.home)["WEATHER_DAGSTER_DATABASE_URL"]
    except (StackError, KeyError):
        return []
    return dead_letters.judge(dead_letters.count(url))


def _disabled() -> Finding:
    return problem(
        "disabled",
        "OpenLineage is switched off: no event is sent, and none is kept.",
        cause="OPENLINEAGE_DISABLED is true.",
        remedy="Unset it, and start the stack again:",
        command="unset OPENLINEAGE_DISABLED",
    )


def _variable(target: LineageTarget) -> str:
    return "MARQUEZ_URL" if target.reason == "MARQUEZ_URL" else "OPENLINEAGE_URL"


def _json(answer: Answer | Failure) -> Any:
    return answer.json() if isinstance(answer, Answer) and answer.status == _OK else None


def _time_of(events: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(events["events"][0]["eventTime"])
    except (TypeError, KeyError, IndexError, ValueError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


CHECK = Check("backend", look)
