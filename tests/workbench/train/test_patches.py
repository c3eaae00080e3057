"""Filters learnt from patches."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.train.patches import cut_patches, learn_filters


def test_patches_are_pieces_of_the_features_and_short_clips_give_none(rng):
    features = np.arange(20 * 12 * 2, dtype=np.float32).reshape(20, 12, 2)
    for patch in cut_patches(features, (5, 4), 7, rng):
        frame, band = divmod(int(patch[0, 0, 0]) // 2, 12)
        np.testing.assert_array_equal(patch, features[frame : frame + 5, band : band + 4])
    assert cut_patches(features[:4], (5, 4), 7, rng).shape == (0, 5, 4, 2)


def _responses(patches, kernel, bias):
    return patches.reshape(len(patches), -1) @ kernel.reshape(-1, kernel.shape[-1]) + bias


@pytest.mark.parametrize("level_free", [False, True])
def test_filters_answer_with_unit_deviation_and_come_in_opposite_pairs(rng, level_free):
    """Whitened patches have deviation 1 in every direction, however unlike the raw ones are."""
    mixing = rng.standard_normal((12, 12)) * np.geomspace(1.0, 4.0, 12)
    patches = (rng.standard_normal((4000, 12)) @ mixing + 3.0).reshape(-1, 3, 4, 1)
    kernel, bias = learn_filters(patches, 16, level_free, rng)
    assert kernel.shape == (3, 4, 1, 16)
    found = _responses(patches, kernel, bias)
    assert 0.6 < found.std(axis=0).min() <= found.std(axis=0).max() < 1.3
    np.testing.assert_allclose(kernel[..., :8], -kernel[..., 8:])
    # Either sign is past the threshold half a deviation from the mean.
    np.testing.assert_allclose(found[:, :8] + found[:, 8:], -1.0, atol=1e-4)
    if level_free:
        np.testing.assert_allclose(_responses(patches + 5.0, kernel, bias), found, atol=1e-3)


def test_filters_depend_on_the_seed_alone(rng):
    patches = rng.standard_normal((200, 3, 3, 2))
    first, second, other = (learn_filters(patches, 8, False, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)


def test_too_few_patches_are_refused(rng):
    with pytest.raises(ValueError, match="64 filters need at least 32 patches to be drawn from; got 10"):
        learn_filters(rng.standard_normal((10, 3, 3, 1)), 64, True, rng)
