"""What holds for the budget whatever is asked, and whenever."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from weather_pipeline.sources.budget import FREE_TIER, Full, Limits, Period, Spent, spend

START = 1_790_000_000.0
waits = st.floats(0, 100) | st.floats(0, 5_000) | st.floats(0, 100_000)
weights = st.sampled_from([1.0, 15.0, 30.0]) | st.floats(1, 700)
requests = st.lists(st.tuples(waits, weights), max_size=60)
limit = st.just(0) | st.integers(1, 900)
some_limits = st.builds(Limits, limit, limit, limit)


@given(some_limits | st.just(FREE_TIER), requests)
def test_no_window_ever_holds_more_than_its_limit_and_only_what_does_not_fit_is_refused(
    limits: Limits, requests: list[tuple[float, float]]
) -> None:
    spent: Spent = {}
    now = START
    sums: Counter[tuple[Period, int]] = Counter()
    for wait, weight in requests:
        now += wait
        windows = {period: (period, period.begin(now)) for period in Period}
        fits = all(not limits.of(p) or sums[window] + weight <= limits.of(p) for p, window in windows.items())
        after = spend(spent, limits, weight, now)
        assert fits is not isinstance(after, Full)
        if isinstance(after, Full):
            continue
        spent = after
        sums.update(dict.fromkeys(windows.values(), weight))
        for period, (begin, used) in spent.items():
            assert begin <= now < begin + period
            assert used == sums[period, begin]
    for (period, _), used in sums.items():
        assert not limits.of(period) or used <= limits.of(period)


@given(some_limits, requests, weights)
def test_a_refusal_ends_when_its_window_does_and_names_the_longest_wait(
    limits: Limits, requests: list[tuple[float, float]], weight: float
) -> None:
    spent: Spent = {}
    now = START
    for wait, each in requests:
        now += wait
        after = spend(spent, limits, each, now)
        spent = spent if isinstance(after, Full) else after
    refused = spend(spent, limits, weight, now)
    if not isinstance(refused, Full):
        return
    assert now < refused.ends <= now + refused.period
    assert refused.ends % refused.period == 0
    assert 0 <= refused.left < weight
    again = spend(spent, limits, weight, refused.ends)
    assert isinstance(again, Full) is not refused.ever
    assert refused.ever is all(not limits.of(period) or weight <= limits.of(period) for period in Period)


@given(st.lists(weights, max_size=40))
def test_without_limits_nothing_is_refused(requests: list[float]) -> None:
    spent: Spent = {}
    for weight in requests:
        after = spend(spent, Limits(), weight, START)
        assert not isinstance(after, Full)
        spent = after
