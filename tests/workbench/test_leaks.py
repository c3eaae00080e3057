"""Each kind of leak is found, listed, and allowed by name alone."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.corpus_cli import LAYOUT_NAMES
from workbench.errors import LeakError, ManifestError
from workbench.leaks import KINDS, check_leaks, find_leaks
from workbench.manifest import Manifest, Row, write_manifest
from workbench.readers import LAYOUTS


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


@pytest.fixture
def leaky(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(name.encode())
    rows = (
        Row("a.wav", "train", duration_s="90", speaker_id="ann", source_repo="x"),
        Row(
            "b.wav",
            "dev",
            "spoof",
            "tts",
            "tts",
            duration_s="30",
            source_repo="x",
            attack_seen_in_train="no",
            paired="yes",
        ),
    )
    write_manifest(Manifest(rows, tmp_path), tmp_path / "m.tsv")
    return tmp_path / "m.tsv"


def test_check_exits_with_1_on_a_leak_and_0_when_it_is_allowed(leaky):
    result = CliRunner().invoke(main, ["corpus", "check", str(leaky)])
    assert result.exit_code == 1
    assert "source x on dev and train (2 clips)" in result.stderr
    result = CliRunner().invoke(main, ["corpus", "check", str(leaky), "--allow", "source"])
    assert (result.exit_code, result.stdout) == (0, f"{leaky}: no leak between splits; 1 allowed\n")


def test_check_prints_json(leaky):
    result = CliRunner().invoke(main, ["corpus", "check", str(leaky), "--json", "--no-content"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"kind": "source", "name": "x", "splits": ["dev", "train"], "clips": 2}


def test_show_counts_what_a_manifest_holds(leaky):
    result = CliRunner().invoke(main, ["corpus", "show", str(leaky)])
    assert result.stdout.splitlines() == [
        "split     label  clips  paired  minutes  speakers  sources  attacks  unseen",
        "train  bonafide      1       0      1.5         1        1        0       0",
        "dev       spoof      1       1      0.5         0        1        1       1",
    ]
    first = json.loads(CliRunner().invoke(main, ["corpus", "show", str(leaky), "--json"]).stdout.splitlines()[1])
    assert (first["families"], first["unseen_attacks"]) == ({"tts": 1}, 1)


def test_read_makes_a_manifest_that_train_can_take(tmp_path):
    root = tmp_path / "corpus"
    for index in range(4):
        for part in ("training", "validation", "testing"):
            for kind in ("real", "fake"):
                (root / part / kind).mkdir(parents=True, exist_ok=True)
                (root / part / kind / f"{index}.wav").touch()
    out = tmp_path / "made" / "m.tsv"
    out.parent.mkdir()
    result = CliRunner().invoke(main, ["corpus", "read", "fake-or-real", str(root), "-o", str(out)])
    assert (result.exit_code, result.stdout) == (0, f"{out}: 24 clips; next: workbench corpus show {out}\n")
    from workbench.manifest import read_manifest

    manifest = read_manifest(out)
    assert all((manifest.root / row.path).is_file() for row in manifest.rows)
    result = CliRunner().invoke(
        main, ["corpus", "read", "fake-or-real", str(root), "-o", str(out), "--dev-share", "0.25"]
    )
    assert result.exit_code == 0
    assert len(read_manifest(out).select(split="dev").rows) > 8


def test_the_command_offers_every_layout_and_kind():
    assert tuple(LAYOUTS) == LAYOUT_NAMES
    text = CliRunner().invoke(main, ["corpus", "check", "--help"]).stdout
    assert all(kind in text for kind in KINDS)
