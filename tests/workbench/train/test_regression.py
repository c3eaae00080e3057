"""The linear head: what each clip weighs, what counts as a condition, and what a penalty keeps out."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from workbench.config import load_config
from workbench.data.manifest import Row
from workbench.evaluate.metrics import auc
from workbench.train import regression
from workbench.train.regression import TrainingClips, narrow_band, normal_equations, otsu, upper_power


def clips_of(values, bonafide, sources, attacks=None):
    """Unchanged wide-band clips, of which ``sources`` names the conditions."""
    rows = tuple(
        Row(str(place), label="bonafide" if real else "spoof", source_repo=source, attack_id=attack)
        for place, (real, source, attack) in enumerate(
            zip(bonafide, sources, attacks or ["-"] * len(values), strict=True)
        )
    )
    none = np.zeros(len(values), int)
    return TrainingClips(rows, np.asarray(values, np.float32), np.arange(len(values)), none, none > 0)


def pose(*clips):
    return normal_equations(clips_of(*clips), 0.0)


def _corpus(rng, sources=6, clips=40):
    """Statistic 0 tells the voice, a little; statistics 1 and 2 tell nothing."""
    labels = np.arange(sources * clips) % 2 == 0
    rows = rng.standard_normal((len(labels), 3)).astype(np.float32)
    rows[:, 0] += np.where(labels, 0.6, -0.6)
    return rows, labels, [f"source {index // clips}" for index in range(len(labels))]


def test_what_differs_between_sources_gets_no_weight(rng):
    """Of one source most clips are bona fide, of the other most are spoof: the recording would tell them apart."""
    rows, _, _ = _corpus(rng, sources=2, clips=500)
    labels = np.concatenate([np.arange(500) % 5 > 0, np.arange(500) % 5 == 0])
    rows[:, 0] = rng.standard_normal(1000) + np.where(labels, 0.6, -0.6)
    rows[:, 1] = 0.1 * rows[:, 1] + np.repeat([5.0, -5.0], 500)
    head = pose(rows, labels, ["a"] * 500 + ["b"] * 500).solve(0.01)
    plain, *_ = np.linalg.lstsq(rows - rows.mean(axis=0), np.where(labels, 1.0, -1.0), rcond=None)
    share, plain_share = (abs(w[1]) * rows[:, 1].std() / (abs(w[0]) * rows[:, 0].std()) for w in (head.weights, plain))
    assert plain_share > 1.0
    assert share < 0.4 * plain_share
    within = [
        auc(head(rows[part])[labels[part]], head(rows[part])[~labels[part]]) for part in (slice(500), slice(500, None))
    ]
    assert min(within) > 0.7


def test_the_solution_is_the_weighted_least_squares_of_the_textbook(rng):
    """One source, equal classes: centring and weights do nothing but scale, so lstsq on the same rows agrees."""
    rows, labels, _ = _corpus(rng, sources=1, clips=60)
    head = pose(rows, labels, ["one"] * 60).solve(1e-9)
    middle = 0.5 * (rows[labels].mean(axis=0) + rows[~labels].mean(axis=0))
    expected, *_ = np.linalg.lstsq(rows - middle, np.where(labels, 1.0, -1.0), rcond=None)
    np.testing.assert_allclose(head.weights, expected, rtol=2e-2, atol=1e-3)
    np.testing.assert_allclose(head(middle[None, :]), 0.0, atol=1e-3)


def test_a_source_does_not_count_for_more_because_it_has_more_clips(rng):
    rows, labels, names = _corpus(rng, sources=2, clips=200)
    doubled = np.concatenate([rows, rows[200:], rows[200:]])
    head, more = (
        pose(values, marks, names_of).solve(0.05)
        for values, marks, names_of in (
            (rows, labels, names),
            (doubled, np.concatenate([labels, labels[200:], labels[200:]]), names + names[200:] * 2),
        )
    )
    np.testing.assert_allclose(head.weights * rows.std(axis=0), more.weights * rows.std(axis=0), atol=0.05)


def test_an_attack_of_a_source_does_not_count_for_more_because_it_has_more_clips(rng):
    """Two attacks of one source, that statistics 0 and 1 give away: copies of the clips of one change nothing."""
    labels = np.arange(300) < 150
    attacks = ["-"] * 150 + ["a"] * 75 + ["b"] * 75
    rows = rng.standard_normal((300, 2)).astype(np.float32)
    rows[150:225, 0] -= 2.0
    rows[225:, 1] -= 2.0
    more = np.concatenate([rows, rows[225:], rows[225:]])
    marks, names = np.concatenate([labels, np.zeros(150, bool)]), attacks + ["b"] * 150

    def ratio(values, marks, names):
        weights = pose(values, marks, ["one"] * len(values), names).solve(0.01).weights * values.std(axis=0)
        return weights[0] / weights[1]

    assert ratio(more, marks, names) == pytest.approx(ratio(rows, labels, attacks), rel=0.25)
    assert ratio(more, marks, ["x"] * len(names)) < 0.7 * ratio(more, marks, names)


def test_a_larger_penalty_gives_smaller_weights(rng):
    problem = pose(*_corpus(rng))
    small, large = (np.abs(problem.solve(penalty).weights).sum() for penalty in (0.01, 10.0))
    assert large < 0.5 * small


def test_a_penalised_difference_ceases_to_move_the_raw_score(rng):
    """Statistics 0 and 1 tell the voice alike; a channel moves the first alone, so the second has to carry the weight."""
    labels = np.arange(400) % 2 == 0
    rows = rng.standard_normal((400, 2)).astype(np.float32) + np.where(labels, 1.0, -1.0)[:, None].astype(np.float32)
    differences = np.zeros((50, 2), np.float32)
    differences[:, 0] = rng.normal(1.0, 0.3, 50)
    problem = pose(rows, labels, ["one"] * 400)
    before, after = problem.solve(0.01), problem.with_wccn(differences, 100.0).solve(0.01)
    assert np.abs(differences @ before.weights).mean() > 0.2
    assert np.abs(differences @ after.weights).mean() < 0.02
    assert auc(after(rows)[labels], after(rows)[~labels]) > 0.85


def test_both_classes_are_needed(rng):
    with pytest.raises(ValueError, match="clips of both classes"):
        pose(rng.standard_normal((5, 2)).astype(np.float32), np.ones(5, bool), ["a"] * 5)


def test_the_wccn_penalty_compares_clips_that_stand_in_both_passes(rng):
    """Six clips unchanged and, in another order and one short, augmented; the head fits the unchanged ones alone."""
    bonafide, indices = np.arange(6) % 2 == 1, np.array([0, 1, 2, 3, 4, 5, 5, 3, 0, 1])
    plain = clips_of(rng.standard_normal((6, 3)), bonafide, ["s"] * 6)
    values = np.concatenate([plain.values, rng.standard_normal((4, 3)).astype(np.float32)])
    clips = TrainingClips(plain.rows, values, indices, np.repeat([0, 1], [6, 4]), np.zeros(10, bool))
    head = normal_equations(clips, 0.5).solve(0.1)
    expected = normal_equations(plain, 0.0).with_wccn(values[6:] - values[[5, 3, 0, 1]], 0.5).solve(0.1)
    np.testing.assert_allclose(head.weights, expected.weights, rtol=1e-5)
    assert not np.allclose(head.weights, normal_equations(plain, 0.0).solve(0.1).weights, rtol=0.01)


def test_without_a_wccn_penalty_bandwidth_and_augmentation_make_conditions_of_their_own(rng):
    rows = (Row("a", source_repo="x"), Row("b", label="spoof", source_repo="x"))
    passes = [(rng.standard_normal((2, 3)).astype(np.float32), np.arange(2)) for _ in range(2)]
    clips = TrainingClips.of(rows, passes, np.zeros(3, bool))
    assert len(clips.fitted(0.0).values) == 4
    assert len(clips.fitted(1.0).values) == 2
    assert len(set(clips.conditions)) == 2
    narrow = TrainingClips(rows, clips.values, clips.indices, clips.passes, np.array([True, False, False, False]))
    assert len(set(narrow.conditions)) == 3


def test_otsu_finds_the_gap_between_two_groups(rng):
    assert doctest.testmod(regression).failed == 0
    values = np.concatenate([rng.normal(0.0, 0.1, 300), rng.normal(3.0, 0.3, 700)])
    assert 0.4 < otsu(values) < 2.2


def test_recordings_without_upper_bands_are_narrow(rng):
    upper = np.array([False, True, True, False])
    wide, narrow = rng.normal(1.0, 0.05, (80, 4)), rng.normal(1.0, 0.05, (40, 4))
    narrow[:, upper] *= 0.05
    # The lower bands alone decide nothing.
    wide[:10, ~upper] *= 0.05
    marks = narrow_band(np.concatenate([wide, narrow]).astype(np.float32), upper)
    np.testing.assert_array_equal(marks, np.repeat([False, True], [80, 40]))
    assert not narrow_band(narrow.astype(np.float32), np.zeros(4, bool)).any()


def test_the_upper_power_statistics_are_means_of_power_filters_in_the_upper_regions():
    """Power comes before phase, and regions before filters: 2 of 4 regions of the power filters, of the means alone."""
    config = load_config("patches")
    assert config.model.patch_parts(config.frontend) == {"patch_power": 48, "patch_phase": 64, "patch_brief": 28}
    np.testing.assert_array_equal(np.flatnonzero(upper_power(config)), np.arange(2 * 48, 4 * 48))
