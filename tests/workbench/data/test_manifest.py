"""Manifests are read strictly, split by whole groups, and named by a digest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.data.manifest import Manifest, Row, mark_seen_attacks, read_manifest, split_by_group, write_manifest
from workbench.errors import ManifestError


def test_a_manifest_survives_writing_and_reading(tmp_path):
    rows = (Row("a.wav", label="spoof", attack_id="x", speaker_id="ann"), Row("b ü.wav", split="dev"))
    write_manifest(Manifest(rows, tmp_path), tmp_path / "m.tsv")
    assert read_manifest(tmp_path / "m.tsv") == Manifest(rows, tmp_path)


def test_a_name_that_the_format_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    for name in ["a\tb.wav", "a\nb.wav", "a\rb.wav", "a\udcff.wav"]:
        with pytest.raises(ManifestError, match=r"rename the file$"):
            write_manifest(Manifest((Row("good.wav"), Row(name)), tmp_path), tmp_path / "m.tsv")
        assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_read_back_is_not_written(tmp_path):
    with pytest.raises(ManifestError, match=r"a\.wav stands twice"):
        write_manifest(Manifest((Row("a.wav"), Row("a.wav", "dev")), tmp_path), tmp_path / "m.tsv")
    with pytest.raises(ManifestError, match="there are no rows to write"):
        write_manifest(Manifest((), tmp_path), tmp_path / "m.tsv")


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    (tmp_path / "m.tsv").write_text("\ufeffpath\tlabel\r\na.wav\tspoof\r\n")
    assert read_manifest(tmp_path / "m.tsv").rows == (Row("a.wav", label="spoof"),)


def test_a_row_is_named_by_its_line_in_the_file(tmp_path):
    (tmp_path / "m.tsv").write_text("path\tlabel\n\n\na.wav\tfake\n")
    with pytest.raises(ManifestError, match="line 4: label is one of"):
        read_manifest(tmp_path / "m.tsv")


def test_rows_are_selected_by_all_that_is_given():
    rows = (
        Row("a", "dev", "spoof", paired="yes", attack_seen_in_train="no"),
        Row("b", "dev", "spoof", paired="no", attack_seen_in_train="no"),
        Row("c", "dev"),
        Row("d"),
    )
    manifest = Manifest(rows, None)
    assert manifest.select(split="dev", label="spoof", paired="yes", seen="no").rows == rows[:1]
    assert manifest.select(split="dev").rows == rows[:3]
    assert manifest.select().rows == rows


def test_path_and_label_are_enough_and_other_columns_are_ignored(tmp_path):
    (tmp_path / "m.tsv").write_text("label\tpath\tnotes\nspoof\ta.wav\thello\n")
    assert read_manifest(tmp_path / "m.tsv").rows == (Row("a.wav", label="spoof"),)


REFUSED = [
    ("", "path and label"),
    ("path,label\na.wav,spoof\n", "expected tab-separated columns with at least path and label"),
    ("path\tlabel\n", "the manifest has no rows"),
    ("path\tlabel\na.wav\tfake\n", r"line 2: label is one of bonafide or spoof; got 'fake'"),
    ("path\tlabel\tsplit\na.wav\tspoof\tvalid\n", r"line 2: split is one of train, dev, test; got 'valid'"),
    ("path\tlabel\na.wav\n", "line 2: the number of columns differs"),
    ("path\tlabel\na.wav\tspoof\tx\n", "line 2: the number of columns differs"),
    ("path\tlabel\na.wav\tspoof\na.wav\tspoof\n", r"a\.wav stands twice"),
]


def test_what_does_not_fit_is_refused(tmp_path):
    for text, message in REFUSED:
        (tmp_path / "m.tsv").write_text(text)
        with pytest.raises(ManifestError, match=message):
            read_manifest(tmp_path / "m.tsv")


def test_the_digest_names_content_not_order(tmp_path):
    rows = (Row("a.wav"), Row("b.wav", label="spoof"))
    digest = Manifest(rows, tmp_path).digest()
    assert Manifest(rows[::-1], tmp_path / "elsewhere").digest() == digest
    assert Manifest((rows[0], replace(rows[1], split="dev")), tmp_path).digest() != digest


def test_seen_attacks_are_those_of_train(tmp_path):
    rows = mark_seen_attacks(
        [
            Row("1", label="spoof", attack_id="a"),
            Row("2", "dev", "spoof", "a"),
            Row("3", "dev", "spoof", "b"),
            Row("4", "dev"),
        ]
    )
    assert [row.attack_seen_in_train for row in rows] == ["yes", "yes", "no", "-"]


def test_a_split_keeps_speakers_and_attacks_whole():
    rows = [Row(f"b{i}", speaker_id=f"s{i % 7}") for i in range(70)]
    rows += [Row(f"s{i}", label="spoof", attack_id=f"a{i % 5}") for i in range(50)]
    split = split_by_group(rows, 0.2, seed=1)
    assert len(split) == 120
    for name in ("speaker_id", "attack_id"):
        sides = {}
        for row in split:
            if getattr(row, name) != "-":
                sides.setdefault(getattr(row, name), set()).add(row.split)
        assert all(len(found) == 1 for found in sides.values())
    dev = [row for row in split if row.split == "dev"]
    assert 10 <= sum(row.label == "bonafide" for row in dev) <= 30
    assert split == split_by_group(rows, 0.2, seed=1)
    assert split != split_by_group(rows, 0.2, seed=2)


def test_attacks_stay_whole_even_if_all_copy_one_voice():
    rows = [Row(f"s{i}", label="spoof", attack_id=f"a{i % 5}", speaker_id="lj") for i in range(50)]
    rows += [Row(f"b{i}", speaker_id=f"s{i}") for i in range(9)]
    sides = {}
    for row in split_by_group(rows, 0.2, seed=0):
        sides.setdefault(row.attack_id, set()).add(row.split)
    assert all(len(sides[f"a{i}"]) == 1 for i in range(5))


def test_a_single_clip_cannot_be_split():
    with pytest.raises(ManifestError, match="1 bonafide clips cannot be split"):
        split_by_group([Row("a"), Row("b", label="spoof"), Row("c", label="spoof")], 0.2, 0)
