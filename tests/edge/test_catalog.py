"""A model is found by path, by name, or as the newest shipped."""

from __future__ import annotations

import pytest

from edge import catalog
from edge.errors import NotAModelError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "_FOLDERS", (tmp_path,))
    return tmp_path


def test_the_newest_version_of_the_family_is_the_default_by_number_not_by_name(folder):
    names = [
        "bonafone-patch-v4",
        "bonafone-tcn-small-v98",
        "bonafone-tcn-v10",
        "bonafone-tcn-v2",
        "other-v99",
        "bonafone-small",
    ]
    for name in (*names, "bonafone-tcn-v11-draft"):
        (folder / f"{name}.tflite").touch()
    assert catalog.default_model().stem == "bonafone-tcn-v10"
    assert set(catalog.shipped_models()) == {*names, "bonafone-tcn-v11-draft"}


def test_a_version_without_a_kind_counts_too(folder):
    for name in ("bonafone-patch-v6", "bonafone-v7"):
        (folder / f"{name}.tflite").touch()
    assert catalog.default_model().stem == "bonafone-v7"


def test_tflite_runtime_gets_the_small_model_and_a_note_of_it(folder, monkeypatch):
    """It lacks operators of the newest; without a small model there is nothing else to try."""
    monkeypatch.setattr(catalog, "_has_litert", lambda: False)
    (folder / "bonafone-v7.tflite").touch()
    assert catalog.default_model().stem == "bonafone-v7"
    assert catalog.default_note() == ""
    (folder / "bonafone-small.tflite").touch()
    assert catalog.default_model().stem == "bonafone-small"
    assert "bonafone-small" in catalog.default_note()
    monkeypatch.setattr(catalog, "_has_litert", lambda: True)
    assert catalog.default_model().stem == "bonafone-v7"
    assert catalog.default_note() == ""


def test_a_shipped_name_and_a_path_are_found_and_an_unknown_name_lists_what_there_is(folder):
    with pytest.raises(NotAModelError, match=r"neither a file nor a shipped model; .* one of: \(none is installed\)"):
        catalog.resolve_model("x" * 300)
    (folder / "other-v1.tflite").touch()
    assert catalog.resolve_model("other-v1") == folder / "other-v1.tflite"
    assert catalog.resolve_model(str(folder / "other-v1.tflite")) == folder / "other-v1.tflite"
    with pytest.raises(NotAModelError, match=r"give the path of a \.tflite or one of: other-v1"):
        catalog.resolve_model("nonesuch")


def test_without_any_model_the_error_says_what_to_do(folder):
    with pytest.raises(NotAModelError, match=r"no model bonafone-vN is installed in .*; install the package again"):
        catalog.resolve_model(None)
