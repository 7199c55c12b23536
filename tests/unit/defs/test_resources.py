"""What is tried again, after how long, and what is not."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from weather_pipeline.defs.weather.resources import retried_only_if_it_helps
from weather_pipeline.errors import DataError, SourceQuotaSpent, SourceRateLimited, SourceUnavailable

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_limit_that_ends_soon_is_waited_out_with_a_little_jitter_and_not_for_ever() -> None:
    waits = set()
    for _ in range(20):
        with pytest.raises(dg.RetryRequested) as caught, retried_only_if_it_helps():
            raise SourceRateLimited("Minutely API request limit exceeded.", 60.0)
        assert caught.value.seconds_to_wait is not None
        assert 60 <= caught.value.seconds_to_wait <= 66
        assert caught.value.max_retries == 5
        assert isinstance(caught.value.__cause__, SourceRateLimited)
        waits.add(caught.value.seconds_to_wait)
    assert len(waits) > 1


def test_a_spent_quota_stops_and_says_when_it_is_over() -> None:
    with pytest.raises(dg.Failure) as caught, retried_only_if_it_helps():
        raise SourceQuotaSpent("Daily limit exceeded. Retry from 2026-11-22T00:00:00Z.", MIDNIGHT)
    assert not caught.value.allow_retries
    assert caught.value.description == "Daily limit exceeded. Retry from 2026-11-22T00:00:00Z."
    assert caught.value.metadata["retry_from"].value == MIDNIGHT.timestamp()


def test_what_fails_again_is_not_tried_again() -> None:
    with pytest.raises(dg.Failure, match="no such column") as caught, retried_only_if_it_helps():
        raise DataError("no such column")
    assert not caught.value.allow_retries


@pytest.mark.parametrize("error", [SourceUnavailable("503"), RuntimeError("?")])
def test_other_errors_are_left_to_the_retry_policy(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, retried_only_if_it_helps():
        raise error
    assert caught.value is error
