"""Search spaces: strict when read, so that no search fails halfway, and what is drawn lands in the configuration."""

from __future__ import annotations

import json

import pytest

from workbench.config import ExperimentConfig, load_config
from workbench.errors import ConfigError
from workbench.tune.search_space import apply, load_space


class FixedTrial:
    """Draws the last choice or the upper end, and keeps what it was asked."""

    def __init__(self):
        self.asked = {}

    def suggest_categorical(self, name, choices):
        self.asked[name] = choices
        return choices[-1]

    def suggest_int(self, name, low, high, **options):
        self.asked[name] = (low, high, options)
        return high

    def suggest_float(self, name, low, high, **options):
        self.asked[name] = (low, high, options)
        return high


@pytest.fixture
def read(tmp_path):
    def read(text, base=None):
        (tmp_path / "space.toml").write_text(text)
        return load_space(tmp_path / "space.toml", base or ExperimentConfig())

    return read


def test_every_form_is_drawn_and_put_in_place(read):
    space = read(
        '[space]\n"train.descent.learning_rate" = { low = 1e-4, high = 1e-2, log = true }\n'
        '"train.batch_size" = { low = 8, high = 64, step = 8 }\n'
        '"model.dropout" = { low = 0, high = 0.5 }\n'
        '"model.statistics" = { choices = [["mean"], ["mean", "deviation"], ["deviation"]] }\n'
        '"model" = { choices = [{ widths = [8], dilations = [1] }, { widths = [4, 4], dilations = [1, 3] }] }\n'
    )
    trial = FixedTrial()
    config = apply(ExperimentConfig(), space.suggest(trial))
    assert (config.train.descent.learning_rate, config.train.batch_size, config.model.dropout) == (1e-2, 64, 0.5)
    assert config.model.statistics == ("deviation",)
    assert (config.model.widths, config.model.dilations) == ((4, 4), (1, 3))
    assert config.train.clip_s == ExperimentConfig().train.clip_s
    assert trial.asked["train.descent.learning_rate"] == (1e-4, 1e-2, {"step": None, "log": True})
    assert trial.asked["train.batch_size"] == (8, 64, {"step": 8, "log": False})
    # A storage keeps plain values only.
    assert trial.asked["model.statistics"] == ('["mean"]', '["mean", "deviation"]', '["deviation"]')


def test_names_without_quotes_are_the_same(read):
    plain = read("[space]\nmodel.dropout = { low = 0.0, high = 0.5 }\n[space.train]\nclip_s.choices = [1.0, 2.0]\n")
    assert list(plain.distributions) == ["model.dropout", "train.clip_s"]


def test_a_fraction_stays_one_between_whole_ends(read):
    trial = FixedTrial()
    read('[space]\n"augment.noise" = { low = 0, high = 1 }\n').suggest(trial)
    assert trial.asked["augment.noise"] == (0, 1, {"step": None, "log": False})
    read('[space]\n"augment.time_masks" = { low = 0, high = 3 }\n').suggest(trial)
    assert trial.asked["augment.time_masks"] == (0, 3, {"step": 1, "log": False})


def test_the_shipped_space_fits_the_shipped_configuration():
    space = load_space("space", load_config("tcn"))
    assert {"train.descent.learning_rate", "model.dropout", "augment.noise"} <= set(space.distributions)
    assert space == load_space("configs/space.toml", load_config("tcn"))
    # The configuration that is searched around is itself one of those that can be drawn.
    shape = json.loads(space.distributions["model"].choices[0])
    assert apply(load_config("tcn"), {"model": shape}) == load_config("tcn")


REFUSED = [
    ("", r"expected one table \[space\] of configuration names; got none"),
    ("[other]\n", r"expected one table \[space\]"),
    ("[space]\nlow", "not TOML"),
    ("[space]\n'model.depth' = { low = 1, high = 2 }", "the configuration has no model.depth"),
    ("[space]\n'model.dropout' = 0.1", "expected a table with choices, or with low and high; got 0.1"),
    ("[space]\n'model.dropout' = { low = 0.5, high = 0.1 }", "expected numbers low < high"),
    ("[space]\n'model.dropout' = { low = 0.1 }", "expected numbers low < high"),
    ("[space]\n'model.dropout' = { low = 0.0, high = 0.1, log = true }", "log = true .low > 0."),
    ("[space]\n'model.dropout' = { low = 0.0, high = 0.1, steps = 3 }", "unknown steps; known are choices, high"),
    ("[space]\n'model.dropout' = { choices = [] }", "choices is a list, and stands alone"),
    ("[space]\n'model.dropout' = { choices = [0.1], low = 0 }", "choices is a list, and stands alone"),
    ("[space]\n'model.dropout' = { low = 0.1, high = 1.5 }", r"model.dropout = 1.5: dropout lies in \[0, 1\)"),
    ("[space]\n'model.skip' = { choices = ['none', 'dense'] }", "model.skip = 'dense': skip is one of"),
    ("[space]\n'train.batch_size' = { low = 2, high = 9 }", "train.batch_size = 9: train.batch_size is even"),
    ("[space]\n'model' = { choices = [{ widths = [8] }] }", "give one dilation per width"),
    ("[space]\n'model.batch_norm' = { low = 0, high = 1 }", "expected true or false, got 0"),
]


def test_what_does_not_fit_is_refused_before_anything_is_trained(read):
    for text, message in REFUSED:
        with pytest.raises(ConfigError, match=message):
            read(text)


def test_a_missing_file_names_the_shipped_space():
    with pytest.raises(ConfigError, match=r"none\.toml: cannot read the search space .*or 'space' for"):
        load_space("none.toml", ExperimentConfig())
