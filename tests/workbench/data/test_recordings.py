"""Backgrounds and impulse responses are told apart, and what cannot be read is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.data.recordings import read_recordings
from workbench.errors import ManifestError

CORPUS_NOISE = Path(__file__).parents[4] / "shared" / "corpus" / "noise"


@pytest.fixture
def folder(tmp_path, write_recording, rng):
    for name, seconds in (("street/a.wav", 12.0), ("b.wav", 0.5), ("impulse_response/hall.wav", 3.0)):
        write_recording(tmp_path / name, 0.1 * rng.standard_normal(round(seconds * 16000)))
    write_recording(tmp_path / "silent.wav", np.zeros(1000))
    return tmp_path


def test_without_a_manifest_the_folder_tells(folder):
    found = read_recordings(folder, 16000)
    assert sorted(map(len, found.noises)) == [8000, 160000]
    assert list(map(len, found.rooms)) == [32000]
    assert list(map(len, read_recordings(folder, 8000).rooms)) == [16000]


@pytest.mark.parametrize("above", ["", "noise/"])
def test_a_manifest_says_what_is_what(tmp_path, folder, above):
    noise = tmp_path.rename(tmp_path.parent / "noise")
    lines = ["path\tkind\tlicence", f"{above}b.wav\timpulse_response\t-", f"{above}street/a.wav\tbackground\t-"]
    (noise / "manifest.tsv").write_text("\n".join(lines) + "\n")
    try:
        found = read_recordings(noise, 16000)
    finally:
        noise.rename(tmp_path)
    assert list(map(len, found.rooms)) == [8000]
    assert list(map(len, found.noises)) == [160000]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path\tkind\nb.wav\tsong\n", "unknown kind song; expected background or impulse_response"),
        ("file\tsort\nb.wav\tbackground\n", "expected columns path and kind, got file, sort"),
        ("path\tkind\n", "no .flac, .wav, .ogg recording found"),
        ("path\tkind\ngone.wav\tbackground\nb.wav\tbackground\n", "1 of 2 recordings cannot be read:\n  .*gone.wav"),
    ],
)
def test_faults_are_named(folder, text, message):
    (folder / "manifest.tsv").write_text(text)
    with pytest.raises(ManifestError, match=message):
        read_recordings(folder, 16000)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="give a folder of background noise and impulse responses"):
        read_recordings(tmp_path, 16000)


@pytest.mark.corpus
@pytest.mark.skipif(
    not CORPUS_NOISE.exists(), reason="the audio corpus is not part of the repository and not beside it"
)
def test_the_corpus_has_backgrounds_and_rooms():
    found = read_recordings(CORPUS_NOISE, 16000)
    assert (len(found.noises), len(found.rooms)) == (79, 43)
