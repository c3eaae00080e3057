"""A manifest is summed up by split and label."""

from __future__ import annotations

import pytest

from workbench.data.corpus import summarise, text_summary
from workbench.data.manifest import Manifest, Row
from workbench.errors import ManifestError

ROWS = (
    Row("a", "dev", "spoof", "x", "tts", "ann", "en", "22050", "30", "one", paired="yes", attack_seen_in_train="no"),
    Row("b", "dev", "spoof", "x", "tts", "-", "de", "22050", "45", "two", paired="no", attack_seen_in_train="no"),
    Row("c", "dev", "spoof", "y", "vc", "bob", "en", "16000", "45", "two", paired="no", attack_seen_in_train="yes"),
    Row("d", "train", "bonafide", "-", "human", "ann", "en", "16000", "60", "one", paired="yes"),
    Row("e", "dev", "bonafide"),
)


def test_everything_is_counted_once_and_what_is_unknown_is_no_name():
    train, bonafide, spoof = summarise(Manifest(ROWS, None))
    assert spoof == {
        "split": "dev", "label": "spoof", "clips": 3, "paired": 1, "minutes": 2.0, "speakers": 2, "sources": 2,
        "attacks": 2, "unseen_attacks": 1, "families": {"tts": 2, "vc": 1}, "languages": {"en": 2, "de": 1},
        "sample_rates": {"22050": 2, "16000": 1},
    }  # fmt: skip
    assert (train["split"], train["clips"], train["minutes"]) == ("train", 1, 1.0)
    assert (bonafide["speakers"], bonafide["sources"], bonafide["attacks"]) == (0, 0, 0)


def test_minutes_are_unknown_if_one_duration_is():
    parts = summarise(Manifest((ROWS[0], Row("z", "dev", "spoof")), None))
    assert parts[0]["minutes"] is None
    assert text_summary(parts)[1][4] == "–"


def test_a_duration_that_is_no_number_is_named():
    with pytest.raises(ManifestError, match=r"a\.wav: duration_s is seconds or -; got '3 s'"):
        summarise(Manifest((Row("a.wav", duration_s="3 s"),), None))


def test_a_manifest_without_rows_has_no_parts():
    assert summarise(Manifest((), None)) == []
