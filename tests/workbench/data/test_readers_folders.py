"""Layouts whose folders are the protocol: one's own two folders, Fake-or-Real, WaveFake."""

from __future__ import annotations

import pytest

from workbench.data.readers import LAYOUTS, two_folders
from workbench.errors import ManifestError


def test_two_folders_take_attacks_and_speakers_from_their_folders(tree, facts):
    root = tree(["real/ann/1.wav", "real/2.WAV", "fake/vits/3.wav", "fake/4.wav", "fake/notes.txt.bak.wav"])
    found = facts(two_folders(root / "real", root / "fake"), "label", "attack_id", "speaker_id")
    assert found == {
        "real/2.WAV": ("bonafide", "-", "-"),
        "real/ann/1.wav": ("bonafide", "-", "ann"),
        "fake/4.wav": ("spoof", "fake", "-"),
        "fake/notes.txt.bak.wav": ("spoof", "fake", "-"),
        "fake/vits/3.wav": ("spoof", "vits", "-"),
    }


def test_two_folders_inside_one_another_are_refused(tree):
    root = tree(["all/1.wav", "all/fake/2.wav"])
    with pytest.raises(ManifestError, match="one lies in the other"):
        two_folders(root / "all", root / "all" / "fake")


def test_a_folder_without_recordings_is_refused(tree):
    root = tree(["real/1.wav"], {"fake/readme.txt": "x"})
    with pytest.raises(ManifestError, match=r"fake: no recordings"):
        two_folders(root / "real", root / "fake")


def test_a_missing_folder_is_named(tree):
    root = tree(["real/1.wav"])
    with pytest.raises(ManifestError) as caught:
        two_folders(root / "real", root / "fake")
    assert str(caught.value) == (f"{root / 'fake'}: no such folder; give the folder that the corpus was unpacked to")


def test_one_folder_twice_or_above_the_other_is_refused(tree):
    for bonafide, spoof in [("all", "all"), ("all/real", "all")]:
        root = tree(["all/1.wav", "all/real/2.wav"])
        with pytest.raises(ManifestError, match="one lies in the other"):
            two_folders(root / bonafide, root / spoof)


def test_a_folder_whose_name_begins_like_the_others_is_another(tree):
    root = tree(["a/1.wav", "ab/2.wav"])
    assert len(two_folders(root / "a", root / "ab").rows) == 2


def test_every_suffix_of_phones_and_corpora_is_taken(tree):
    names = [
        f"real/{i}.{suffix}" for i, suffix in enumerate(("wav", "flac", "mp3", "ogg", "opus", "m4a", "amr", "3gp"))
    ]
    root = tree([*names, "fake/1.wav"], {"real/notes.txt": "x"})
    assert [row.path for row in two_folders(root / "real", root / "fake").rows] == [*names, "fake/1.wav"]


@pytest.mark.parametrize("version", ["", "for-2sec/", "for-rerec/for-rerecorded/"])
def test_fake_or_real(tree, version, facts):
    files = [
        f"{version}{part}/{kind}/file{i}.wav"
        for i, (part, kind) in enumerate(
            (p, k) for p in ("training", "validation", "testing") for k in ("real", "fake")
        )
    ]
    found = facts(LAYOUTS["fake-or-real"](tree(files), False), "split", "label")
    assert list(found.values()) == [(s, k) for s in ("train", "dev", "test") for k in ("bonafide", "spoof")]
    assert list(found) == files


def test_wavefake(tree, facts):
    root = tree(
        [
            "generated_audio/ljspeech_melgan/LJ001-0001_gen.wav",
            "generated_audio/ljspeech_hifiGAN/LJ001-0001_generated.wav",
            "generated_audio/ljspeech_waveglow/LJ001-0001.wav",
            "generated_audio/jsut_multi_band_melgan/BASIC5000_0001_gen.wav",
            "generated_audio/common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech/gen_0.wav",
            "LJSpeech-1.1/wavs/LJ001-0001.wav",
            "jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav",
        ]
    )
    found = facts(LAYOUTS["wavefake"](root, False), "label", "attack_id", "attack_family", "source_repo", "source_path")
    copies = "vocoder-copy-synthesis"
    assert list(found.values()) == [
        ("spoof", "wavefake:common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech", "tts", "ljspeech", "gen_0"),
        ("spoof", "wavefake:multi_band_melgan", copies, "jsut", "BASIC5000_0001"),
        ("spoof", "wavefake:hifiGAN", copies, "ljspeech", "LJ001-0001"),
        ("spoof", "wavefake:melgan", copies, "ljspeech", "LJ001-0001"),
        ("spoof", "wavefake:waveglow", copies, "ljspeech", "LJ001-0001"),
        ("bonafide", "-", "human", "ljspeech", "LJ001-0001"),
        ("bonafide", "-", "human", "jsut", "BASIC5000_0001"),
    ]


def test_all_versions_of_fake_or_real_are_one_source(tree):
    """They hold the same utterances: nothing may take them for independent."""
    files = [
        f"{version}/{part}/{kind}/f.wav"
        for version in ("for-norm", "for-2sec")
        for part in ("training", "validation", "testing")
        for kind in ("real", "fake")
    ]
    manifest = LAYOUTS["fake-or-real"](tree(files), False)
    assert len(manifest.rows) == 12
    assert {row.source_repo for row in manifest.rows} == {"fake-or-real"}


def test_a_part_of_fake_or_real_that_is_missing_is_named(tree):
    root = tree(["training/real/1.wav", "training/fake/1.wav"])
    with pytest.raises(ManifestError, match=r"validation/real: no such folder"):
        LAYOUTS["fake-or-real"](root, False)
