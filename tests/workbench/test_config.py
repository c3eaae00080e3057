"""Configurations from TOML: strict, frozen, and back again."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from workbench.config import (
    ExperimentConfig,
    config_from_dict,
    config_to_dict,
    load_config,
    override,
    shipped_configs,
)
from workbench.errors import ConfigError


def test_what_toml_names_replaces_the_default_and_the_rest_stays(tmp_path):
    (tmp_path / "c.toml").write_text(
        'name = "x"\n[model]\nwidths = [8, 8]\ndilations = [1, 2]\nforgetting_s = "none"\n'
    )
    config = load_config(tmp_path / "c.toml")
    assert (config.name, config.model.widths, config.model.forgetting_s) == ("x", (8, 8), None)
    assert config.train == ExperimentConfig().train


@pytest.mark.parametrize("name", shipped_configs())
def test_shipped_configurations_are_found_by_name_and_survive_json(name):
    config = load_config(name)
    assert config.name == name
    assert config_from_dict(config_to_dict(config)) == config


def test_the_tcn_configuration_is_the_default():
    assert load_config("tcn") == ExperimentConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense = 1", "unknown nonsense; known are augment, frontend, model, name, speech, train"),
        ("[model]\nwidth = 3", "model: unknown width; known are"),
        ("model = 3", "model: expected a table, got int"),
        ("[model]\nwidths = [1]", "give one dilation per width; got 1 widths and 8 dilations"),
        ("[model]\nactivation = 'gelu'", r"activation is one of \('relu', 'leaky_relu'\); got 'gelu'"),
        ("[model]\ndropout = 1.0", r"dropout lies in \[0, 1\); got 1.0"),
        ("[model]\nchunk_samples = 1000", "must be a multiple of frontend.hop"),
        ("[frontend]\nhop = 100", "multiple of hop"),
        ("[train]\nepochs = 0", "train.epochs is at least 1; got 0"),
        ("[train]\naverage_momentum = 1.0", r"average_momentum lies in \[0, 1\)"),
        ("[augment]\nnoise = 2", r"augment.noise is a chance in \[0, 1\]; got 2"),
        ("[augment]\nlevel_db = [0, -30]", r"augment.level_db is \(low, high\)"),
        ("name =", "not TOML"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_expected(tmp_path, text, message):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / "c.toml")


def test_a_missing_file_names_the_shipped_ones():
    with pytest.raises(ConfigError, match="or the name of a shipped one: dessa, tcn"):
        load_config("none.toml")


def test_options_replace_only_what_was_given():
    config = override(ExperimentConfig(), "train", epochs=3, seed=None)
    assert (config.train.epochs, config.train.seed) == (3, 0)
    with pytest.raises(FrozenInstanceError):
        config.train.epochs = 4
