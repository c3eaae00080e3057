"""Layouts with a table of clips: In-the-Wild and MLAAD; and what every layout refuses."""

from __future__ import annotations

import pytest

from workbench.data.readers import LAYOUTS, read_layout
from workbench.errors import ManifestError


def test_in_the_wild(tree, facts):
    root = tree(
        ["release_in_the_wild/0.wav", "release_in_the_wild/1.wav"],
        {
            "release_in_the_wild/meta.csv": "file,speaker,label\n0.wav,Alec Guinness,spoof\n1.wav,Alec Guinness,bona-fide\n"
        },
    )
    assert facts(LAYOUTS["in-the-wild"](root, False), "split", "label", "speaker_id") == {
        "release_in_the_wild/0.wav": ("test", "spoof", "in-the-wild:Alec Guinness"),
        "release_in_the_wild/1.wav": ("test", "bonafide", "in-the-wild:Alec Guinness"),
    }


REFUSED = [
    (
        "file;speaker;label\n0.wav;A;spoof\n",
        "expected columns file, speaker, label, split by ','; found file;speaker",
    ),
    ("", "found nothing"),
    ("file,speaker,label\n0.wav,A\n", r"meta\.csv, line 2: expected 3 fields, got fewer"),
    ("file,speaker,label\n0.wav,A,real\n", "expected a label bonafide or spoof, got 'real'"),
]


def test_a_table_that_does_not_fit_is_refused(tree):
    for text, message in REFUSED:
        root = tree(["0.wav"], {"meta.csv": text})
        with pytest.raises(ManifestError, match=message):
            LAYOUTS["in-the-wild"](root, False)


def test_a_table_in_another_encoding_is_refused_with_the_reason(tree):
    root = tree(["0.wav"])
    (root / "meta.csv").write_bytes(b"file,speaker,label\n0.wav,Andr\xe9,spoof\n")
    with pytest.raises(ManifestError, match=r"meta\.csv: cannot read the table \('utf-8' codec"):
        LAYOUTS["in-the-wild"](root, False)


def test_mlaad(tree, facts):
    head = (
        "path|original_file|language|is_original_language|duration|training_data|model_name|architecture|transcript\n"
    )
    root = tree(
        ["fake/de/vits/a.wav", "real/de_DE/by_book/female/ramona/buch/wavs/b.wav"],
        {
            "fake/de/vits/meta.csv": head
            + './fake/de/vits/a.wav|de/x.wav|de|yes|3.1|thorsten|vits|vits|Er sagte "ja|nein"\n'
        },
    )
    found = facts(LAYOUTS["mlaad"](root, False), "label", "attack_id", "speaker_id", "language")
    assert found == {
        "fake/de/vits/a.wav": ("spoof", "mlaad:vits", "-", "de"),
        "real/de_DE/by_book/female/ramona/buch/wavs/b.wav": ("bonafide", "-", "m-ailabs:ramona", "de_DE"),
    }


HEAD = "path|original_file|language|is_original_language|duration|training_data|model_name|architecture|transcript"


def test_mlaad_takes_m_ailabs_from_a_folder_of_its_own(tree, facts):
    """Where readers are mixed, M-AILABS has the book in the speaker's place."""
    root = tree(
        [
            "mlaad/fake/en/bark/a.wav",
            "books/en_US/by_book/male/elliot_miller/poe/wavs/b.wav",
            "books/en_US/by_book/mix/sonnets/wavs/c.wav",
        ],
        {
            "mlaad/fake/en/bark/meta.csv": f"{HEAD}|reference_speaker\n"
            'fake/en/bark/a.wav|en/b.wav|en|yes|3.1|own|suno/bark|bark|"Hello|x\n'
        },
    )
    manifest = read_layout("mlaad", [root / "mlaad", root / "books"])
    assert facts(manifest, "label", "attack_id", "speaker_id", "language") == {
        "mlaad/fake/en/bark/a.wav": ("spoof", "mlaad:suno/bark", "-", "en"),
        "books/en_US/by_book/male/elliot_miller/poe/wavs/b.wav": ("bonafide", "-", "m-ailabs:elliot_miller", "en_US"),
        "books/en_US/by_book/mix/sonnets/wavs/c.wav": ("bonafide", "-", "-", "en_US"),
    }
    assert all((manifest.root / row.path).is_file() for row in manifest.rows)


def test_mlaad_alone_is_spoof_alone(tree):
    root = tree(["fake/en/bark/a.wav"], {"fake/en/bark/meta.csv": f"{HEAD}\na.wav|b|en|yes|1|own|bark|bark|x\n"})
    assert [(row.path, row.label) for row in read_layout("mlaad", [root]).rows] == [("fake/en/bark/a.wav", "spoof")]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_folder_of_another_shape_is_refused_with_what_was_expected(name, tmp_path):
    (tmp_path / "something").mkdir()
    with pytest.raises(ManifestError, match=r"expected|no such folder"):
        LAYOUTS[name](tmp_path, False)
