"""The table [augment]: what it refuses, and that what is new is off until it is asked for."""

from __future__ import annotations

import pytest

from workbench.config import AugmentConfig as FromConfig
from workbench.config import config_from_dict, config_to_dict
from workbench.errors import ConfigError
from workbench.transmissions import TRANSMISSION_NAMES
from workbench.transmissions.codecs import CODECS
from workbench.transmissions.config import CHANCES, RANGES, RECORDING_KBPS, AugmentConfig
from workbench.transmissions.draws import RECORDING_FORMATS


def test_the_defaults_are_those_of_the_shipped_detector():
    config = AugmentConfig()
    assert {name: getattr(config, name) for name in CHANCES if getattr(config, name) > 0} == {
        "noise": 0.5,
        "band_limit": 0.5,
    }
    assert FromConfig is AugmentConfig


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"transmission": 1.5}, r"augment.transmission is a chance in \[0, 1\]; got 1.5"),
        ({"clean": -0.1}, r"augment.clean is a chance in \[0, 1\]; got -0.1"),
        ({"rawboost": 2}, r"augment.rawboost is a chance in \[0, 1\]; got 2"),
        ({"room_rt60_s": [0.8, 0.1]}, r"augment.room_rt60_s is \(low, high\); got \(0.8, 0.1\)"),
        ({"room_rt60_s": [0.0, 0.1]}, "augment.room_rt60_s is positive"),
        ({"clip_share": [0.0, 0.1]}, "augment.clip_share is positive"),
        ({"clip_share": [0.1, 1.1]}, "augment.clip_share is a share of at most 1"),
        ({"cut_s": [-1.0, 0.1]}, "augment.cut_s is at least 0"),
        ({"recording_kbps": [33, 47]}, "augment.recording_kbps holds at least one of .*; got \\(33.0, 47.0\\)"),
        ({"transmissions": ["telephone", "fax"]}, "augment.transmissions: unknown fax; known are clean, telephone"),
        (
            {"transmissions": [], "transmission": 0.5},
            "augment.transmissions is empty, but augment.transmission is not 0",
        ),
        ({"transmissions": "telephone"}, "transmissions: expected a list"),
        ({"reverb": 0.5}, "unknown key reverb"),
    ],
)
def test_what_does_not_fit_is_refused(table, message):
    with pytest.raises(ConfigError, match=message):
        config_from_dict({"augment": table})


def test_every_transmission_may_be_named_and_a_configuration_comes_back():
    config = config_from_dict(
        {"augment": {"transmission": 0.5, "transmissions": list(TRANSMISSION_NAMES), "room": 0.2}}
    )
    assert config.augment.transmissions == TRANSMISSION_NAMES
    assert config_from_dict(config_to_dict(config)) == config


def test_every_chance_and_range_is_checked():
    assert {"clean", "room", "rawboost"} <= set(CHANCES)
    for name in RANGES:
        with pytest.raises(ConfigError, match=name):
            AugmentConfig(**{name: (2.0, 1.0)})


def test_the_bit_rates_are_those_of_the_codecs():
    for name in RECORDING_FORMATS:
        assert tuple(sorted(rate // 1000 for rate in CODECS[name].bitrates_bps)) == RECORDING_KBPS
