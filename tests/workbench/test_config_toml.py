"""Configurations as text: short for a table, and as TOML that comes back as it was."""

from __future__ import annotations

import pytest

from workbench.config import ExperimentConfig, config_from_dict, config_to_dict, load_config, override, shipped_configs
from workbench.config_toml import config_to_toml, differences, flatten, nest, short_text


@pytest.mark.parametrize("name", shipped_configs())
def test_a_configuration_survives_its_toml(tmp_path, name):
    config = override(load_config(name), "train", learning_rate=1e-3 / 3, seed=7)
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


def test_nesting_undoes_flattening():
    tables = {"a": 1, "b": {"c": {"d": [2]}, "e": 3}}
    assert flatten(tables) == {"a": 1, "b.c.d": [2], "b.e": 3}
    assert nest(flatten(tables)) == tables


def test_a_short_text_names_the_table_only_where_it_must():
    values = {
        "train.learning_rate": 0.00012345678,
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
