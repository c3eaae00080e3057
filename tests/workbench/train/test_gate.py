"""Telling narrow from wide bands by the statistics."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.config import load_config
from workbench.train.gate import fit_gate, otsu, upper_power


def test_otsu_finds_the_gap_between_two_groups(rng):
    values = np.concatenate([rng.normal(0.0, 0.1, 300), rng.normal(3.0, 0.3, 700)])
    assert 0.4 < otsu(values) < 2.2


def test_the_gate_opens_for_recordings_without_upper_bands(rng):
    upper = np.array([False, True, True, False])
    wide, narrow = rng.normal(1.0, 0.05, (80, 4)), rng.normal(1.0, 0.05, (40, 4))
    narrow[:, upper] *= 0.05
    gate = fit_gate(np.concatenate([wide, narrow]).astype(np.float32), upper)
    np.testing.assert_array_equal(gate(wide.astype(np.float32)), 0.0)
    np.testing.assert_array_equal(gate(narrow.astype(np.float32)), 1.0)
    between = np.where(upper, 0.525, 1.0).astype(np.float32)[None, :]
    assert 0.0 < gate(between)[0] < 1.0
    # The lower bands alone do not move it.
    np.testing.assert_array_equal(gate((wide * np.where(upper, 1.0, 0.0)).astype(np.float32)), 0.0)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_one_group_alone_gives_a_finite_gate(value):
    gate = fit_gate(np.full((10, 3), value, np.float32), np.array([True, False, True]))
    assert np.isfinite(gate(np.full((2, 3), value, np.float32))).all()


def test_the_upper_power_statistics_are_means_of_power_filters_in_the_upper_regions():
    """Power comes before phase, and regions before filters: 2 of 4 regions of the power filters, of the means alone."""
    config = load_config("patches")
    marked = np.flatnonzero(upper_power(config))
    assert config.model.patch_parts(config.frontend) == {"patch_power": 48, "patch_phase": 64, "patch_brief": 28}
    np.testing.assert_array_equal(marked, np.arange(2 * 48, 4 * 48))


def test_with_one_region_everything_is_wide(rng):
    gate = fit_gate(rng.standard_normal((10, 3)).astype(np.float32), np.zeros(3, bool))
    np.testing.assert_array_equal(gate(rng.standard_normal((4, 3)).astype(np.float32)), 0.0)
