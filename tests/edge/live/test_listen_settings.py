"""The table [listen]."""

from __future__ import annotations

import math

import pytest

from edge.errors import ConfigError
from edge.live.settings import ListenSettings
from edge.settings import build_settings


def test_nothing_is_kept_and_no_port_is_open_unless_asked():
    settings = ListenSettings()
    assert (settings.clips, settings.metrics_port, settings.operating_point) == (False, None, "balanced")


def test_a_table_becomes_settings():
    table = {"source": "rtp://:5004", "silent_alert_s": 5, "clips": True, "metrics_port": 9100}
    settings = build_settings(ListenSettings, table, "bonafone.toml: listen")
    assert (settings.source, settings.silent_alert_s, settings.metrics_port) == ("rtp://:5004", 5.0, 9100)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"silent_alert_s": -1.0}, "silent_alert_s: expected 0 to 86400, got -1"),
        ({"quiet_level_db": math.nan}, "quiet_level_db: expected -200 to 0, got nan"),
        ({"metrics_port": 70000}, "metrics_port: expected 0 to 65535, got 70000"),
        ({"clips_megabytes": 0.0}, "clips_megabytes: expected 1 to 1e+06, got 0"),
        ({"source": ""}, "source: empty; name what to listen to, such as mic or rtp://:5004"),
        ({"clips_folder": ""}, "clips_folder: empty; give the path of a folder"),
    ],
)
def test_a_value_out_of_range_is_refused(values, message):
    with pytest.raises(ConfigError) as caught:
        ListenSettings(**values)
    assert str(caught.value) == message
