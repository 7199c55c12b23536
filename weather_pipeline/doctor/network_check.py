"""The network: whether the weather's source can be reached, and what stands in the way."""

from __future__ import annotations

import time

import requests

from weather_pipeline.doctor.finding import Finding, ok, problem, skipped, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.doctor.web import Failure, Obstacle, answer_of, failure_of, proxy_of
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources.choose import ask, is_own_answer

_TOO_MANY, _SERVER_ERROR, _NOT_FOUND = 429, 500, 404


def look(surroundings: Surroundings) -> Outcome:
    """Ask the source that the settings mean."""
    settings = surroundings.settings
    if settings.source is SourceName.REPLAY:
        return Outcome([skipped("source", "not needed: WEATHER_SOURCE=replay uses recorded observations")])
    url = settings.effective_open_meteo_url
    sent = time.time()
    try:
        response = ask(settings)
    except requests.RequestException as error:
        return Outcome([judge(settings, failure_of(error, url))])
    answer = answer_of(response, sent=sent, received=time.time())
    if is_own_answer(response):
        readings = [answer.clock] if answer.clock else []
        return Outcome([judge(settings, answer.status, proxy=proxy_of(url))], readings)
    words = f"{response.status_code} {response.reason}"
    return Outcome([judge(settings, Failure(Obstacle.PROXY_REFUSAL, url, proxy_of(url), words))])


def judge(settings: Settings, answer: int | Failure, *, proxy: str | None = None) -> Finding:
    """What to say of the source.

    Args:
        settings: Which source is wanted, and where it is.
        answer: The status that it answered, or why it did not.
        proxy: The proxy that was passed, if any.
    """
    if isinstance(answer, Failure):
        return _away(settings, f"Open-Meteo can't be reached: {answer.found}.", answer.cause, answer.remedy)
    through = f" through the proxy {proxy}" if proxy else ""
    url = settings.effective_open_meteo_url
    if answer == _TOO_MANY:
        return warning(
            "source",
            f"{url} answers{through}, but refuses more requests for now (429).",
            cause="The free service has limits for the minute, the hour and the day, shared by all behind one address.",
            remedy="Wait; runs wait and retry by themselves.",
        )
    if answer >= _SERVER_ERROR:
        return warning(
            "source",
            f"{url} answers{through} with an error of its own ({answer}).",
            cause="The service is ill or under maintenance.",
            remedy="Wait; runs retry by themselves.",
        )
    if answer == _NOT_FOUND:
        found = f"{url} answers{through}, but knows no /v1/forecast (404)."
        cause = "WEATHER_OPEN_METEO_URL names a server that is not Open-Meteo, or has a path too many."
        return _away(settings, found, cause, "Correct WEATHER_OPEN_METEO_URL, or unset it for the public service.")
    return ok("source", f"{url} answers{through}")


def _away(settings: Settings, found: str, cause: str, remedy: str) -> Finding:
    if settings.source is SourceName.AUTO:
        remedy = f"None needed: recorded observations are used instead. For live data: {remedy}"
        return warning("source", found, cause=cause, remedy=remedy)
    remedy = f"{remedy} Or use recorded observations: WEATHER_SOURCE=replay."
    return problem("source", found, cause=cause, remedy=remedy)


CHECK = Check("network", look)
