"""The network: whether the weather's source can be reached, and what stands in the way."""

from __future__ import annotations

import time

import requests

from weather_pipeline.doctor.finding import Finding, ok, problem, skipped, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.doctor.web import Failure, Obstacle, answer_of, failure_of, proxy_of
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources.probe import ask, is_own_answer, target

_TOO_MANY, _SERVER_ERROR, _NOT_FOUND = 429, 500, 404
_KEY_REFUSED, _REDIRECTS = (401, 403), range(300, 400)


def look(surroundings: Surroundings) -> Outcome:
    """Ask the source that the settings mean."""
    settings = surroundings.settings
    if settings.source is SourceName.REPLAY:
        return Outcome([skipped("source", "not needed: WEATHER_SOURCE=replay uses recorded observations")])
    url = target(settings).server
    sent = time.time()
    try:
        response = ask(settings)
    except ConfigurationError as error:
        return Outcome([judge_key(settings, error)])
    except requests.RequestException as error:
        return Outcome([judge(settings, failure_of(error, url))])
    answer = answer_of(response, sent=sent, received=time.time())
    if is_own_answer(response):
        readings = [answer.clock] if answer.clock else []
        return Outcome([judge(settings, answer.status, said=answer.body, proxy=proxy_of(url))], readings)
    words = f"{response.status_code} {response.reason}"
    return Outcome([judge(settings, Failure(Obstacle.PROXY_REFUSAL, url, proxy_of(url), words))])


def judge_key(settings: Settings, error: ConfigurationError) -> Finding:
    """What to say of a key that can't be read; nothing was asked."""
    asked = target(settings)
    return problem(
        "source",
        str(error),
        cause=f"Without its key {asked.name} is not asked.",
        remedy=f"Set {asked.key_setting} to the key, or {asked.key_setting}_FILE to a file with it, not both.",
    )


def judge(settings: Settings, answer: int | Failure, *, said: str = "", proxy: str | None = None) -> Finding:
    """What to say of the source.

    Args:
        settings: Which source is wanted, and where it is.
        answer: The status that it answered, or why it did not.
        said: The body of its answer. It is not shown: it may say the key back.
        proxy: The proxy that was passed, if any.
    """
    asked = target(settings)
    if isinstance(answer, Failure):
        return _away(settings, f"{asked.name} can't be reached: {answer.found}.", answer.cause, answer.remedy)
    answers = f"{asked.server} answers{f' through the proxy {proxy}' if proxy else ''}"
    refuses_key = answer in _KEY_REFUSED or (answer < _SERVER_ERROR and "api key" in said.lower())
    if answer == _TOO_MANY or (refuses_key and "quota" in said.lower()):
        found = f"{answers}, but refuses more requests for now ({answer})."
        return warning("source", found, cause=asked.limits, remedy="Wait; runs wait and retry by themselves.")
    if answer >= _SERVER_ERROR:
        found, cause = f"{answers} with an error of its own ({answer}).", "The service is ill or under maintenance."
        return warning("source", found, cause=cause, remedy="Wait; runs retry by themselves.")
    if refuses_key:
        cause = f"The key in {asked.key_setting}, or in its file, is missing, wrong or for another service."
        return _wrong(f"{answers}, but refuses the key ({answer}).", cause, f"Correct {asked.key_setting}.")
    if answer == _NOT_FOUND or answer in _REDIRECTS:
        what = f"knows no /{asked.path}" if answer == _NOT_FOUND else "redirects, which is not followed"
        cause = f"{asked.url_setting} names a server that is not {asked.name}, or has a path too many."
        remedy = f"Correct {asked.url_setting}, or unset it for the public service."
        return _wrong(f"{answers}, but {what} ({answer}).", cause, remedy)
    return ok("source", answers)


def _away(settings: Settings, found: str, cause: str, remedy: str) -> Finding:
    if settings.source is SourceName.AUTO:
        remedy = f"None needed for a stack: it starts with recorded observations then. For live data: {remedy}"
        return warning("source", found, cause=cause, remedy=remedy)
    return _wrong(found, cause, remedy)


def _wrong(found: str, cause: str, remedy: str) -> Finding:
    return problem(
        "source", found, cause=cause, remedy=f"{remedy} Or use recorded observations: WEATHER_SOURCE=replay."
    )


CHECK = Check("network", look)
