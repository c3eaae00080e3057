"""When to try again: exponential back-off with jitter, pure."""

from __future__ import annotations

import random
from dataclasses import dataclass

from edge.alerts.errors import AlertConfigError


@dataclass(frozen=True)
class RetryPolicy:
    """Waiting times between attempts.

    Attributes
    ----------
    first_s : seconds before the second attempt, above 0.
    longest_s : seconds that no wait exceeds, at least ``first_s``.
    """

    first_s: float = 2.0
    longest_s: float = 300.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.longest_s:
            raise AlertConfigError(
                f"first_s: expected 0 < first_s <= longest_s, got first_s {self.first_s} and longest_s {self.longest_s}"
            )


def backoff_s(attempts: int, policy: RetryPolicy, rng: random.Random, retry_after_s: float | None = None) -> float:
    """Seconds to wait after the ``attempts``-th failure (from 1).

    Half of the doubling wait is fixed and half random, so that many devices that lost the same receiver do not come
    back in step, and none hammers it ("equal jitter": M. Brooker, Exponential Backoff And Jitter, 2015). What the
    receiver asked for in ``retry_after_s`` is kept to, up to the policy's longest wait.
    """
    # 2.0 ** 1024 overflows; the cap is reached long before 60 doublings.
    doubled = min(policy.longest_s, policy.first_s * 2.0 ** min(attempts - 1, 60))
    wait = doubled * (0.5 + 0.5 * rng.random())
    return min(policy.longest_s, max(wait, retry_after_s or 0.0))
