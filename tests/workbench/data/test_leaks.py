"""Each kind of leak is found, listed, and allowed by name alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from workbench.data.leaks import check_leaks, describe_overlap, find_leaks
from workbench.data.manifest import Manifest, Row
from workbench.errors import LeakError, ManifestError


def kinds(rows, **options):
    return [
        leak.kind for leak in find_leaks(Manifest(tuple(rows), options.pop("root", None)), content=False, **options)
    ]


@pytest.mark.parametrize(
    ("field", "kind"), [("speaker_id", "speaker"), ("source_repo", "source"), ("source_blob", "file")]
)
def test_one_name_on_two_sides_is_a_leak_and_an_unknown_one_is_not(field, kind):
    assert kinds([Row("a", "train", **{field: "x"}), Row("b", "test", **{field: "x"})]) == [kind]
    assert kinds([Row("a", "train", **{field: "x"}), Row("b", "train", **{field: "x"})]) == []
    assert kinds([Row("a", "train"), Row("b", "test")]) == []


def test_equal_bytes_under_two_names_are_a_leak(tmp_path):
    for name, data in (("a", b"same"), ("b", b"same"), ("c", b"other")):
        (tmp_path / name).write_bytes(data)
    leaks = find_leaks(Manifest((Row("a", "train"), Row("b", "dev"), Row("c", "test")), tmp_path))
    assert [(leak.kind, leak.splits, leak.clips) for leak in leaks] == [("content", ("dev", "train"), 2)]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ManifestError, match="gone: cannot be read"):
        find_leaks(Manifest((Row("gone"),), tmp_path))


def _spoof(path, split, attack, seen):
    return Row(path, split, "spoof", attack, attack_seen_in_train=seen)


def test_an_attack_called_unseen_that_train_holds_is_a_leak():
    rows = [_spoof("a", "train", "x", "yes"), _spoof("b", "test", "x", "no")]
    leaks = find_leaks(Manifest(tuple(rows), None), content=False)
    assert [(leak.kind, leak.name, leak.splits, leak.clips) for leak in leaks] == [
        ("attack", "x", ("test", "train"), 1)
    ]
    assert kinds([rows[0], _spoof("b", "test", "x", "yes")]) == []


def test_an_unseen_attack_in_dev_and_test_is_a_leak():
    assert kinds([_spoof("a", "dev", "x", "no"), _spoof("b", "test", "x", "no")]) == ["attack"]


def test_the_error_lists_ten_of_a_kind_and_counts_the_rest():
    rows = [Row(f"{side}{i}", side, speaker_id=f"s{i:02}") for i in range(13) for side in ("train", "dev")]
    leaks = find_leaks(Manifest(tuple(rows), None), content=False)
    with pytest.raises(LeakError) as caught:
        check_leaks(leaks)
    message = str(caught.value)
    assert message.startswith("13 leaks between splits; move each to one side, or allow what is meant (speaker):\n")
    assert "speaker s00 on dev and train (2 clips)" in message
    assert message.endswith("… and 3 more of kind speaker")
    check_leaks(leaks, allow=["speaker"])


def test_an_unseen_attack_of_bonafide_rows_or_without_a_name_is_no_leak():
    assert (
        kinds([Row("a", "dev"), Row("b", "test"), _spoof("c", "dev", "-", "no"), _spoof("d", "test", "-", "no")]) == []
    )


def test_one_kind_allowed_leaves_the_others():
    rows = [Row(f"{side}", side, speaker_id="ann", source_repo="x") for side in ("train", "test")]
    leaks = find_leaks(Manifest(tuple(rows), None), content=False)
    with pytest.raises(LeakError) as caught:
        check_leaks(leaks, allow={"source"})
    assert str(caught.value) == (
        "1 leaks between splits; move each to one side, or allow what is meant (speaker):\n"
        "  speaker ann on test and train (2 clips)"
    )
    check_leaks(leaks, allow={"source", "speaker"})


def test_hashing_reports_its_progress(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    seen = []

    def watch(rows):
        for row in rows:
            seen.append(row.path)
            yield row

    find_leaks(Manifest((Row("a"), Row("b")), tmp_path), progress=watch)
    assert seen == ["a", "b"]


def test_what_dev_shares_with_train_is_described_with_a_few_names():
    rows = [
        *(Row(f"{side}{n}", side, speaker_id=f"s{n}", source_repo=side) for side in ("train", "dev") for n in range(5)),
        _spoof("a", "train", "x", "yes"),
        _spoof("b", "test", "y", "no"),
    ]
    (found,) = describe_overlap(Manifest(tuple(rows), Path()))
    assert found.startswith("dev shares speakers with train (s0, s1, s2; 5 in all): ")
    apart = [replace(row, speaker_id=row.split + row.speaker_id) for row in rows]
    assert describe_overlap(Manifest(tuple(apart), Path())) == []


def test_one_system_and_unknown_speakers_are_described():
    rows = [Row(f"r{side}", side) for side in ("train", "dev")] + [
        _spoof(side, side, "tts", "yes") for side in ("train", "dev")
    ]
    systems, speakers = describe_overlap(Manifest(tuple(rows), Path()))
    assert "dev shares systems with train (tts; 1 in all)" in systems
    assert speakers.startswith("no speaker of the bona fide clips is known")
