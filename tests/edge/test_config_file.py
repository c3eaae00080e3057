"""One configuration file for all commands, and where it is looked for."""

from __future__ import annotations

import pytest

from edge.errors import ConfigError
from edge.settings import find_config, read_config


@pytest.fixture
def place(tmp_path):
    file = tmp_path / "home" / ".config" / "bonafone" / "bonafone.toml"
    file.parent.mkdir(parents=True)
    file.write_text("", encoding="utf-8")
    return file


def test_what_is_given_comes_before_the_variable_and_both_before_the_usual_places(tmp_path, place):
    home = {"HOME": str(tmp_path / "home")}
    named = home | {"BONAFONE_CONFIG": "/elsewhere.toml"}
    assert str(find_config("mine.toml", named)) == "mine.toml"
    assert str(find_config(None, named)) == "/elsewhere.toml"
    assert find_config(None, home) == place
    assert find_config(None, {"XDG_CONFIG_HOME": str(tmp_path / "home" / ".config")}) == place


def test_without_a_file_the_defaults_hold(tmp_path):
    assert read_config(None) == {}


def test_a_file_that_was_named_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the configuration.*give the path of a TOML file"):
        read_config(find_config(tmp_path / "none.toml", {}))


def test_a_table_that_nobody_reads_is_a_mistake(tmp_path):
    file = tmp_path / "bonafone.toml"
    file.write_text("[alerts]\ncooldown_s = 5\n[lisen]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown table lisen; known are alerts, listen, watch"):
        read_config(file)
