"""Input planes (power, phase, 4 ms spectrum) share out a frame's features, and the filters."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contract import FrontEndSpec
from workbench.config import config_from_dict, load_config
from workbench.errors import ConfigError
from workbench.models.config import input_planes
from workbench.train.regression import filter_of_column, filters_by_part


def test_the_planes_share_the_features_out_without_a_gap():
    frontend = FrontEndSpec(n_mels=40, phase_advance=64, phase_mels=24, brief_window=64)
    planes = input_planes(frontend)
    assert list(planes) == ["patch_power", "patch_phase", "patch_brief"]
    assert [plane.columns for plane in planes.values()] == [slice(0, 40), slice(40, 88), slice(88, 600)]
    assert frontend.n_features == 600
    assert [plane.level_free for plane in planes.values()] == [True, False, True]


def test_a_front_end_of_power_alone_makes_one_plane():
    assert list(input_planes(FrontEndSpec())) == ["patch_power"]


def test_filters_are_shared_out_and_their_statistics_found():
    config = load_config("patches")
    assert config.model.patch_parts(config.frontend) == {"patch_power": 48, "patch_phase": 64, "patch_brief": 28}
    assert filters_by_part(config) == [range(48), range(48, 112), range(112, 140)]
    owner = filter_of_column(config)
    assert len(owner) == 2 * 4 * 140
    np.testing.assert_array_equal(np.bincount(owner), np.full(140, 2 * 4))
    np.testing.assert_array_equal(owner[: 2 * 48], np.tile(np.arange(48), 2))


@pytest.mark.parametrize(
    ("frontend", "model", "message"),
    [
        ({"brief_window": 64}, {"patch_filters": 8}, "patch_brief_share belong together"),
        ({}, {"patch_filters": 8, "patch_brief_share": 0.25}, "patch_brief_share belong together"),
        (
            {"brief_window": 64},
            {"patch_brief_share": 0.25, "widths": [8], "dilations": [1]},
            "need patch_filters; got 64 samples, 0.25 and 0 filters",
        ),
        ({}, {"patch_filters": 8, "widths": [8], "dilations": [1]}, "either widths, or patch_filters"),
        (
            {"brief_window": 64},
            {"patch_filters": 8, "patch_brief_share": 0.25, "patch_brief_step": 5},
            r"patch_brief_step divides the 16 windows of a hop and is at most patch_size \(7\); got 5",
        ),
        (
            {"brief_window": 64},
            {"patch_filters": 8, "patch_brief_share": 0.25, "patch_size": [4, 4], "patch_stride": [4, 1]},
            "needs patches that overlap in time",
        ),
        ({}, {"patch_filters": 8, "patch_phase_share": 0.6, "patch_brief_share": 0.4}, "leave filters to power"),
    ],
)
def test_what_does_not_fit_is_refused(frontend, model, message):
    with pytest.raises(ConfigError, match=message):
        config_from_dict({"frontend": frontend, "model": {"widths": [], "dilations": [], **model}})
