"""Secrets are found where they are said to be, and are never shown."""

from __future__ import annotations

import pickle
import traceback

import pytest

from edge.alerts.errors import AlertConfigError
from edge.alerts.secret import Secret, SecretSource


def test_a_secret_is_not_shown_by_any_formatting():
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)


def test_it_comes_from_the_environment_or_from_a_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text("from-file\n")
    assert SecretSource("secret", env="S").read({"S": "from-env"}).reveal() == "from-env"
    assert SecretSource("secret", file=str(file)).read({}).reveal() == "from-file"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, r"secret: expected one of secret_env \(a variable's name\) or secret_file \(a path\), got neither"),
        ({"env": "S", "file": "f"}, "got both"),
        ({"env": "MISSING"}, "secret: the environment has no variable MISSING; set it where the program is started"),
        ({"env": "EMPTY"}, "secret: variable EMPTY is empty; put the secret there"),
        ({"file": "/nowhere/at/all"}, r"secret: file /nowhere/at/all cannot be read \(No such file or directory\)"),
    ],
)
def test_a_missing_secret_says_where_it_was_looked_for(place, message):
    with pytest.raises(AlertConfigError, match=message):
        SecretSource("secret", **place).read({"EMPTY": "  ", "S": "hunter2"})


def test_a_file_that_is_no_text_is_not_quoted(tmp_path):
    file = tmp_path / "secret"
    file.write_bytes(b"hunter2\xff")
    with pytest.raises(AlertConfigError, match="is not UTF-8 text") as caught:
        SecretSource("secret", file=str(file)).read({})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("key", ["env", "file"])
def test_a_secret_that_was_put_in_place_of_its_name_is_not_quoted(key):
    place = SecretSource("secret", **{key: "whsec_aHVudGVyMg"})
    with pytest.raises(AlertConfigError, match=f"that secret_{key} names") as caught:
        place.read({})
    assert "aHVudGVyMg" not in "".join(traceback.format_exception(caught.value)) + place.place
