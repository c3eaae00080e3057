"""The corpus that the shipped model was trained on, where it is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.catalog import default_model
from edge.contract import read_contract
from workbench.corpus import summarise
from workbench.manifest import read_manifest

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "manifest.tsv"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.exists(), reason="the audio corpus is not part of the repository and not beside it"),
]


def test_the_manifest_is_read_as_it_is():
    """The counts that its own description states."""
    parts = {(part.split, part.label): part for part in summarise(read_manifest(CORPUS))}
    assert {key: part.clips for key, part in parts.items()} == {
        ("train", "bonafide"): 1866, ("train", "spoof"): 2018, ("dev", "bonafide"): 312,
        ("dev", "spoof"): 445, ("test", "bonafide"): 492, ("test", "spoof"): 571,
    }  # fmt: skip
    assert (parts["dev", "spoof"].unseen_attacks, parts["test", "spoof"].unseen_attacks) == (31, 39)


def test_the_shipped_model_was_trained_on_this_very_corpus():
    assert read_contract(default_model()).corpus_digest == read_manifest(CORPUS).digest()
