"""The table [watch]: read, and refused with the reason."""

from __future__ import annotations

import pytest

from edge.errors import ConfigError
from edge.settings import build_settings
from edge.watch.settings import WatchSettings


def test_a_table_becomes_settings():
    settings = build_settings(WatchSettings, {"folders": ["~/a", "/b"], "settle_s": 5, "channel": "2"}, "watch")
    assert settings.folders == ("~/a", "/b")
    assert (settings.settle_s, settings.channel, settings.existing, settings.model) == (5.0, "2", "skip", None)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"settle_s": -1.0}, "settle_s: expected 0 to 3600, got -1"),
        ({"poll_s": 0}, "poll_s: expected 0.05 to 3600"),
        ({"attempts": 0}, "attempts: expected 1 to 100"),
        ({"lost_after_s": float("nan")}, "lost_after_s: expected"),
        ({"channel": "middle"}, "channel: expected left, right, mix, each or a number from 1; got 'middle'"),
        ({"channel": "0"}, "channel: expected"),
        ({"existing": "all"}, "existing: expected skip or score, got 'all'"),
        ({"ledger": ""}, "ledger: empty"),
        ({"folders": ["a", ""]}, "folders: one of them is empty"),
        ({"folder": ["a"]}, "did you mean folders"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(table, said):
    with pytest.raises(ConfigError, match=f"watch[.:].*{said}"):
        build_settings(WatchSettings, table, "watch")
