"""A model is found by path, by name, or as the newest shipped."""

from __future__ import annotations

import pytest

from edge import catalog
from edge.errors import NotAModelError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "_FOLDERS", (tmp_path,))
    return tmp_path


def test_the_newest_version_is_the_default_by_number_not_by_name(folder):
    for name in ("bonafone-patch-v4", "bonafone-tcn-v2", "bonafone-tcn-v10", "other-v99"):
        (folder / f"{name}.tflite").touch()
    assert catalog.default_model().stem == "bonafone-tcn-v10"
    assert list(catalog.shipped_models()) == ["bonafone-patch-v4", "bonafone-tcn-v10", "bonafone-tcn-v2", "other-v99"]


def test_another_family_whose_name_begins_alike_is_never_the_default(folder):
    for name in ("bonafone-tcn-v1", "bonafone-tcn-small-v9", "bonafone-tcn-v2-draft"):
        (folder / f"{name}.tflite").touch()
    assert catalog.default_model().stem == "bonafone-tcn-v1"


def test_a_shipped_name_and_a_path_are_both_taken(folder):
    (folder / "other-v1.tflite").touch()
    assert catalog.resolve_model("other-v1") == folder / "other-v1.tflite"
    assert catalog.resolve_model(str(folder / "other-v1.tflite")) == folder / "other-v1.tflite"


def test_an_unknown_name_lists_what_there_is(folder):
    (folder / "bonafone-tcn-v1.tflite").touch()
    with pytest.raises(NotAModelError, match=r"give the path of a \.tflite or one of: bonafone-tcn-v1"):
        catalog.resolve_model("nonesuch")


def test_a_name_too_long_for_a_path_is_an_unknown_name(folder):
    with pytest.raises(NotAModelError, match=r"neither a file nor a shipped model; .* one of: \(none is installed\)"):
        catalog.resolve_model("x" * 300)


def test_without_any_model_the_error_says_what_to_do(folder):
    with pytest.raises(
        NotAModelError, match=r"no model bonafone-KIND-vN is installed in .*; install the package again"
    ):
        catalog.resolve_model(None)


def test_the_project_ships_one():
    assert catalog.default_model().stem in catalog.shipped_models()
