"""Configurations from TOML: strict, frozen, and back again."""

from __future__ import annotations

import doctest
from dataclasses import FrozenInstanceError

import pytest

import workbench.config
from workbench.config import (
    ExperimentConfig,
    config_from_dict,
    config_to_dict,
    config_to_toml,
    differences,
    flatten,
    load_config,
    nest,
    override,
    shipped_configs,
    short_text,
)
from workbench.errors import ConfigError


def test_what_toml_names_replaces_the_default_and_the_rest_stays(tmp_path):
    (tmp_path / "c.toml").write_text(
        'name = "x"\n[model]\nwidths = [8, 8]\ndilations = [1, 2]\nforgetting_s = "none"\n'
    )
    config = load_config(tmp_path / "c.toml")
    assert (config.name, config.model.widths, config.model.forgetting_s) == ("x", (8, 8), None)
    assert config.train == ExperimentConfig().train


def test_shipped_configurations_are_found_by_name_and_survive_json():
    for name in shipped_configs():
        config = load_config(name)
        assert config.name == name
        assert config_from_dict(config_to_dict(config)) == config


def test_a_shipped_configuration_is_found_in_every_form_of_its_name(tmp_path, monkeypatch):
    for form in ["{}", "{}.toml", "configs/{}", "configs/{}.toml", "workbench/configs/{}.toml"]:
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


REFUSED = [
    ("nonsense = 1", "unknown key nonsense; known are augment, data, frontend, model, name, speech, train"),
    ("[model]\nwidth = 3", "model: unknown key width; did you mean widths"),
    ("model = 3", "model: expected a table, got 3"),
    (
        "[model]\nwidths = [1]",
        "give one dilation per width, .* got 1 widths",
    ),
    ("[model]\nactivation = 'gelu'", r"activation is one of \('relu', 'leaky_relu'\); got 'gelu'"),
    ("[model]\ndropout = 1.0", r"dropout lies in \[0, 1\); got 1.0"),
    ("[model]\nchunk_samples = 1000", "must be a multiple of frontend.hop"),
    ("[frontend]\nhop = 100", "multiple of hop"),
    ("[train.descent]\nepochs = 0", "train.descent.epochs is at least 1; got 0"),
    ("[train.descent]\nepochs = 2.5", "train.descent.epochs: expected a whole number, got 2.5"),
    ("[train.descent]\nepochs = true", "train.descent.epochs: expected a whole number, got True"),
    ("[train]\nbatch_size = 5", "train.batch_size is even and at least 2, since half of a batch is spoof; got 5"),
    ("[train.descent]\nlearning_rate = 'fast'", "train.descent.learning_rate: expected a number, got 'fast'"),
    ("[model]\nbatch_norm = 'yes'", "model.batch_norm: expected true or false, got 'yes'"),
    ("[model]\nkernels = 3", "model.kernels: expected a list, got 3"),
    ("[model]\nwidths = [8.5]", r"model.widths\[0\]: expected a whole number, got 8.5"),
    ("name = 3", "name: expected a string, got 3"),
    ("[augment]\nlevel_db = [1]", r"augment.level_db: expected 2 values, got 1: \[1\]"),
    ("[augment]\nband_limit_hz = [0, 10]", r"augment.band_limit_hz is positive; got \(0.0, 10.0\)"),
    ("[augment]\ntime_masks = -1", "augment.time_masks is at least 0; got -1"),
    ("[train]\ndev_clips = 1", "train.dev_clips is at least 2; got 1"),
    ("[train.descent]\naverage_momentum = 1.0", r"average_momentum lies in \[0, 1\)"),
    ("[train]\nsolver = 'newton'", r"train.solver is one of \('descent', 'ridge', 'fusion'\); got 'newton'"),
    ("[train.ridge]\nwccn_penalty = 1.0\npasses = 1", "needs at least 2 passes; got 1.0 and 1 passes"),
    ("[train.ridge]\npenalties = []", r"train.ridge.penalties are positive; got \(\)"),
    ("[augment]\nnoise = 2", r"augment.noise is a chance in \[0, 1\]; got 2"),
    ("[augment]\nlevel_db = [0, -30]", r"augment.level_db is \(low, high\)"),
    ("name =", "not TOML"),
]


def test_what_does_not_fit_is_refused_with_what_was_expected(tmp_path):
    for text, message in REFUSED:
        (tmp_path / "c.toml").write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_config(tmp_path / "c.toml")


def test_a_whole_number_will_do_for_a_float(tmp_path):
    (tmp_path / "c.toml").write_text('name = "none"\n[train]\nclip_s = 4\n')
    config = load_config(tmp_path / "c.toml")
    assert (config.name, config.train.clip_s, type(config.train.clip_s)) == ("none", 4.0, float)


def test_a_missing_file_names_the_shipped_ones():
    with pytest.raises(ConfigError, match="shipped one: asvspoof2019, dessa, encoder, fusion, patches, tcn"):
        load_config("none.toml")


def test_options_replace_only_what_was_given():
    config = override(override(ExperimentConfig(), "train", seed=3), "train.descent", epochs=5, learning_rate=None)
    assert (config.train.seed, config.train.descent.epochs) == (3, 5)
    assert config.train.descent.learning_rate == ExperimentConfig().train.descent.learning_rate
    with pytest.raises(FrozenInstanceError):
        config.train.seed = 4


def test_data_paths_start_from_the_configurations_own_folder(tmp_path):
    (tmp_path / "c.toml").write_text('[data]\nmanifest = "corpus/m.tsv"\nnoise = "/noise"\n')
    data = load_config(tmp_path / "c.toml").data
    assert (data.manifest, data.noise, data.bonafide) == (f"{tmp_path}/corpus/m.tsv", "/noise", None)


def test_a_configuration_survives_its_toml(tmp_path):
    for name in shipped_configs():
        config = override(load_config(name), "train.descent", learning_rate=1e-3 / 3)
        (tmp_path / "c.toml").write_text(config_to_toml(config, "a head\nof two lines"))
        assert load_config(tmp_path / "c.toml") == config
        assert (tmp_path / "c.toml").read_text().startswith("# a head\n# of two lines\nname = ")


def test_strings_that_need_it_are_quoted(tmp_path):
    config = config_from_dict({"name": 'a "b" \\ ü\n'})
    (tmp_path / "c.toml").write_text(config_to_toml(config), encoding="utf-8")
    assert load_config(tmp_path / "c.toml") == config


def test_only_what_differs_is_written():
    config = override(ExperimentConfig(), "model", widths=(8, 8), dilations=(1, 2), forgetting_s=3.0)
    assert config_to_toml(config) == (
        'name = "tcn"\n\n[model]\nwidths = [8, 8]\ndilations = [1, 2]\nforgetting_s = 3.0\n'
    )
    assert config_to_toml(ExperimentConfig()) == 'name = "tcn"\n'
    assert differences(config_to_dict(config)) == {
        "model.widths": [8, 8],
        "model.dilations": [1, 2],
        "model.forgetting_s": 3.0,
    }


def test_what_the_default_does_not_know_is_a_difference_too():
    assert differences({"model": {"old": 1}}) == {"model.old": 1}


def test_the_examples_of_the_docstrings_are_true():
    assert doctest.testmod(workbench.config).failed == 0


def test_nesting_undoes_flattening():
    tables = {"a": 1, "b": {"c": {"d": [2]}, "e": 3}}
    assert flatten(tables) == {"a": 1, "b.c.d": [2], "b.e": 3}
    assert nest(flatten(tables)) == tables


def test_a_short_text_names_the_table_only_where_it_must():
    values = {
        "train.descent.learning_rate": 0.00012345678,
        "model.widths": [60] * 6 + [80],
        "model.batch_norm": False,
        "model.forgetting_s": None,
        "augment.noise": 0.25,
        "model.same": 1,
        "train.same": 2,
    }
    assert short_text(values) == (
        "learning_rate=0.0001235, widths=[60x6, 80], batch_norm=no, forgetting_s=none, noise=0.25, "
        "model.same=1, train.same=2"
    )
