"""The corpus that the shipped model was trained on, where it is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.catalog import default_model
from edge.contract import read_contract
from workbench.data.corpus import summarise
from workbench.data.manifest import read_manifest

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "manifest.tsv"

FIRST_EDITION = "2bb328747be5de6b31d76c664ffe07fcff968748712069a45420a15097d4b8b9"
"""Digest of the first edition's manifest, as the contracts of the models trained on it name it."""

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.exists(), reason="the audio corpus is not part of the repository and not beside it"),
]


def test_the_manifest_is_read_as_it_is():
    """The counts that its own description states."""
    parts = {(part["split"], part["label"]): part for part in summarise(read_manifest(CORPUS))}
    assert {key: part["clips"] for key, part in parts.items()} == {
        ("train", "bonafide"): 1757, ("train", "spoof"): 2066, ("dev", "bonafide"): 480,
        ("dev", "spoof"): 657, ("test", "bonafide"): 471, ("test", "spoof"): 577,
    }  # fmt: skip
    assert (parts["dev", "spoof"]["unseen_attacks"], parts["test", "spoof"]["unseen_attacks"]) == (76, 59)


def test_the_shipped_model_names_the_edition_that_it_was_trained_on():
    """A digest is compared with this corpus only where the contract names this edition: others are not at hand."""
    corpus = read_manifest(CORPUS).digest()
    trained_on = read_contract(default_model()).corpus_digest
    if trained_on == FIRST_EDITION:
        pytest.skip("the shipped model was trained on the first edition of the corpus, which is no longer at hand")
    assert trained_on == corpus
