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


@pytest.mark.parametrize("form", ["{}", "{}.toml", "configs/{}", "configs/{}.toml", "workbench/configs/{}.toml"])
def test_a_shipped_configuration_is_found_in_every_form_of_its_name(tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    assert load_config(form.format("dessa")) == load_config("dessa")


def test_a_file_of_ones_own_goes_before_a_shipped_one_but_for_the_bare_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tcn.toml").write_text('name = "mine"')
    assert load_config("tcn.toml").name == "mine"
    assert load_config("tcn").name == "tcn"
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_config(tmp_path / "elsewhere" / "tcn.toml")


def test_a_search_space_is_no_configuration():
    assert "space" not in shipped_configs()


def test_the_tcn_configuration_is_the_default():
    assert load_config("tcn") == ExperimentConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense = 1", "unknown key nonsense; known are augment, data, frontend, model, name, speech, train"),
        ("[model]\nwidth = 3", "model: unknown key width; did you mean widths"),
        ("model = 3", "model: expected a table, got 3"),
        (
            "[model]\nwidths = [1]",
            "give one dilation per width, and widths or patch_filters; got 1 widths and 8 dilations",
        ),
        ("[model]\nactivation = 'gelu'", r"activation is one of \('relu', 'leaky_relu'\); got 'gelu'"),
        ("[model]\ndropout = 1.0", r"dropout lies in \[0, 1\); got 1.0"),
        ("[model]\nchunk_samples = 1000", "must be a multiple of frontend.hop"),
        ("[frontend]\nhop = 100", "multiple of hop"),
        ("[train]\nepochs = 0", "train.epochs is at least 1; got 0"),
        ("[train]\nepochs = 2.5", "train.epochs: expected a whole number, got 2.5"),
        ("[train]\nepochs = true", "train.epochs: expected a whole number, got True"),
        ("[train]\nbatch_size = 5", "train.batch_size is even and at least 2, since half of a batch is spoof; got 5"),
        ("[train]\nlearning_rate = 'fast'", "train.learning_rate: expected a number, got 'fast'"),
        ("[model]\nbatch_norm = 'yes'", "model.batch_norm: expected true or false, got 'yes'"),
        ("[model]\nkernels = 3", "model.kernels: expected a list, got 3"),
        ("[model]\nwidths = [8.5]", r"model.widths\[0\]: expected a whole number, got 8.5"),
        ("name = 3", "name: expected a string, got 3"),
        ("[augment]\nlevel_db = [1]", r"augment.level_db: expected 2 values, got 1: \[1\]"),
        ("[augment]\nband_limit_hz = [0, 10]", r"augment.band_limit_hz is positive; got \(0.0, 10.0\)"),
        ("[augment]\ntime_masks = -1", "augment.time_masks is at least 0; got -1"),
        ("[train]\ndev_clips = 1", "train.dev_clips is at least 2; got 1"),
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


def test_a_whole_number_will_do_for_a_float(tmp_path):
    (tmp_path / "c.toml").write_text('name = "none"\n[train]\nclip_s = 4\n')
    config = load_config(tmp_path / "c.toml")
    assert (config.name, config.train.clip_s, type(config.train.clip_s)) == ("none", 4.0, float)


def test_a_missing_file_names_the_shipped_ones():
    with pytest.raises(ConfigError, match="shipped one: asvspoof2019, dessa, patches, tcn"):
        load_config("none.toml")


def test_options_replace_only_what_was_given():
    config = override(ExperimentConfig(), "train", epochs=3, seed=None)
    assert (config.train.epochs, config.train.seed) == (3, 0)
    with pytest.raises(FrozenInstanceError):
        config.train.epochs = 4


def test_data_paths_start_from_the_configurations_own_folder(tmp_path):
    (tmp_path / "c.toml").write_text('[data]\nmanifest = "corpus/m.tsv"\nnoise = "/noise"\n')
    data = load_config(tmp_path / "c.toml").data
    assert (data.manifest, data.noise, data.bonafide) == (f"{tmp_path}/corpus/m.tsv", "/noise", None)
