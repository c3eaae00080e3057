"""Waiting times."""

from __future__ import annotations

import random

import pytest

from edge.alerts.errors import AlertConfigError
from edge.alerts.retry import RetryPolicy, backoff_s


def waits(attempts, policy, **options):
    rng = random.Random(1)
    return [backoff_s(attempts, policy, rng, **options) for _ in range(500)]


@pytest.mark.parametrize(("attempts", "full"), [(1, 2.0), (2, 4.0), (5, 32.0), (9, 300.0), (5000, 300.0)])
def test_waits_double_up_to_the_longest_and_spread_over_their_upper_half(attempts, full):
    seen = waits(attempts, RetryPolicy(2.0, 300.0))
    assert full / 2 <= min(seen) < 0.55 * full
    assert 0.95 * full < max(seen) <= full


def test_what_the_receiver_asks_for_is_kept_to_up_to_the_longest():
    policy = RetryPolicy(2.0, 300.0)
    assert min(waits(1, policy, retry_after_s=60.0)) == 60.0
    assert max(waits(1, policy, retry_after_s=86400.0)) == 300.0


@pytest.mark.parametrize(("first", "longest"), [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (float("nan"), 1.0)])
def test_a_policy_that_never_waits_is_refused(first, longest):
    with pytest.raises(AlertConfigError, match="expected 0 < first_s <= longest_s"):
        RetryPolicy(first, longest)
