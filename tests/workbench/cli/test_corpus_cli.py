"""`workbench corpus`: whole messages, data on stdout, and the exit codes that scripts rely on."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from workbench.cli.corpus import LAYOUT_NAMES
from workbench.cli.main import main
from workbench.data.leaks import KINDS
from workbench.data.manifest import Manifest, Row, read_manifest, write_manifest
from workbench.data.readers import LAYOUTS


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
    manifest = read_manifest(out)
    assert all((manifest.root / row.path).is_file() for row in manifest.rows)
    result = CliRunner().invoke(
        main, ["corpus", "read", "fake-or-real", str(root), "-o", str(out), "--dev-share", "0.25"]
    )
    assert result.exit_code == 0
    assert len(read_manifest(out).select(split="dev").rows) > 8


def test_the_command_offers_every_layout_and_kind():
    assert ("two-folders", *LAYOUTS) == LAYOUT_NAMES
    text = CliRunner().invoke(main, ["corpus", "check", "--help"]).stdout
    assert all(kind in text for kind in KINDS)


def test_two_folders_are_read_into_one_manifest(voices, tmp_path):
    out = tmp_path / "m.tsv"
    result = CliRunner().invoke(main, ["corpus", "read", "two-folders", *map(str, voices), "-o", str(out)])
    assert (result.exit_code, result.stdout) == (0, f"{out}: 24 clips; next: workbench corpus show {out}\n")
    assert {(row.path.split("/")[0], row.label) for row in read_manifest(out).rows} == {
        ("bonafide", "bonafide"),
        ("spoof", "spoof"),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["two-folders", "."], "two-folders takes two folders, bona fide and spoof; got 1"),
        (["in-the-wild", ".", "."], "in-the-wild takes one folder; got 2"),
        (["mlaad", ".", ".", "."], "mlaad takes its folder and perhaps that of M-AILABS; got 3"),
        (
            ["asvspoof5", ".", "--subset", "eval"],
            "asvspoof5 has no subsets; only asvspoof2021-la and asvspoof2021-df have",
        ),
    ],
)
def test_misuse_exits_with_2(arguments, message):
    result = CliRunner().invoke(main, ["corpus", "read", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


def test_a_folder_of_another_shape_exits_with_1_and_writes_nothing(tmp_path):
    result = CliRunner().invoke(main, ["corpus", "read", "in-the-wild", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {tmp_path}: expected meta.csv or release_in_the_wild/meta.csv there; "
        "give the folder the corpus was unpacked to\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_help_is_a_sentence_with_an_example():
    for command in ["read", "show", "check"]:
        result = CliRunner().invoke(main, ["corpus", command, "--help"])
        assert result.exit_code == 0
        assert f"Example: workbench corpus {command} " in result.stdout
