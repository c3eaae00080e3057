"""Cutting fetched recordings: within the lengths, at pauses, a speaker at a time, nothing that is no speech."""

from __future__ import annotations

from pathlib import Path

import fetch_bonafide
import numpy as np
import pytest
import soundfile
from fetch_bonafide import RATE, Source, cut_clips, fillets, fixed, klettres, split_long, trim, tuxpaint, write_clips

from workbench.data.manifest import read_manifest


def speech(rng, seconds, level=0.3):
    return (level * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def quiet(rng, seconds):
    return speech(rng, seconds, 0.0005)


def test_silence_around_speech_is_cut_to_a_tenth_of_a_second(rng):
    trimmed = trim(np.concatenate([quiet(rng, 1.0), speech(rng, 2.0), quiet(rng, 1.5)]))
    assert len(trimmed) / RATE == pytest.approx(2.2, abs=0.08)
    assert np.std(trimmed[:800]) < 0.01
    assert len(trim(np.zeros(RATE, np.float32))) == 0


def test_a_long_recording_is_cut_where_it_is_quiet(rng):
    parts = [speech(rng, 6.0), quiet(rng, 0.3), speech(rng, 6.0)]
    first, second = split_long(np.concatenate(parts))
    assert 6.0 <= len(first) / RATE <= 6.3
    assert len(first) + len(second) == round(12.3 * RATE)
    assert all(1.5 * RATE <= len(piece) <= 8.0 * RATE for piece in split_long(speech(rng, 30.0)))


def test_short_recordings_are_joined_and_rates_are_kept_apart(rng):
    words = [(Path(f"{index}.ogg"), 44100 if index % 2 else 8000, speech(rng, 0.8)) for index in range(12)]
    clips = list(cut_clips(words))
    assert [rate for _, rate, _ in clips] == [8000, 44100]
    for path, _, samples in clips:
        assert 4.0 <= len(samples) / RATE <= 5.0
        assert np.abs(samples).max() == pytest.approx(0.9, abs=0.001)
        assert path.name in ("0.ogg", "1.ogg")
    whole = [(Path("a.ogg"), 44100, speech(rng, 3.0))]
    assert len(next(cut_clips(whole))[2]) == pytest.approx(3.0 * RATE, abs=700)


def test_speakers_and_languages_come_from_the_paths():
    assert fixed("x", "fr")("/any") == ("x", "fr")
    assert fillets("cs")("/usr/share/games/fillets-ng/sound/keys/cs/key-m-cojeto.ogg") == ("fillets_cs_m", "cs")
    assert fillets("cs")("/usr/share/games/fillets-ng/sound/gods/cs/b1-4.ogg") == ("fillets_cs_gods", "cs")
    assert fillets("cs")("/usr/share/games/fillets-ng/sound/gods/en/b1-4.ogg") is None
    assert tuxpaint("/stamps/food/apple_desc_fr.ogg") == ("tuxpaint_fr", "fr")
    assert tuxpaint("/stamps/animals/lion.ogg") is None
    assert klettres("/usr/share/klettres/pt_BR/syllab/ba.ogg") == ("klettres_pt", "pt")


def test_a_package_becomes_rows_and_files(tmp_path, rng):
    package = tmp_path / "package"
    sounds = package / "usr" / "sounds"
    (sounds / "silence").mkdir(parents=True)
    (package / "talk_1%3a2.0-1_all.deb").touch()
    for index in range(4):
        soundfile.write(sounds / f"{index}.wav", speech(rng, 2.0), RATE)
    soundfile.write(sounds / "beep.wav", speech(rng, 2.0), RATE)
    soundfile.write(sounds / "silence" / "2.wav", quiet(rng, 2.0), RATE)
    (sounds / "broken.wav").write_bytes(b"no sound")
    source = Source("talk", ".wav", "CC0", fixed("ann", "en"), "dev")
    rows = list(write_clips(source, package, tmp_path / "out", per_speaker=3))
    assert [row.path for row in rows] == [f"talk/ann-000{index}.flac" for index in range(3)]
    assert {(row.split, row.label, row.speaker_id, row.language, row.licence) for row in rows} == {
        ("dev", "bonafide", "ann", "en", "CC0")
    }
    assert {row.source_commit for row in rows} == {"1:2.0-1"}
    assert {Path(row.source_path).stem for row in rows} <= {"0", "1", "2", "3"}
    assert all(soundfile.info(tmp_path / "out" / row.path).samplerate == RATE for row in rows)


def test_a_speaker_is_on_one_side_only():
    sides = {}
    for source in fetch_bonafide.SOURCES:
        sides.setdefault(source.speaker("/x_desc_fr.ogg"), set()).add(source.split)
    sides.pop(None, None)
    assert all(len(splits) == 1 for splits in sides.values())
    assert {source.split for source in fetch_bonafide.SOURCES} == {"train", "dev"}


def test_training_and_calibration_have_a_manifest_each(tmp_path, rng):
    package = tmp_path / "package"
    package.mkdir()
    (package / "talk_1_all.deb").touch()
    soundfile.write(package / "0.wav", speech(rng, 2.0), RATE)
    rows = [
        row
        for split in ("train", "dev")
        for row in write_clips(Source("talk", ".wav", "CC0", fixed(split, "en"), split), package, tmp_path, 1)
    ]
    fetch_bonafide.write_manifests(rows, tmp_path)
    listed = {name: read_manifest(tmp_path / f"{name}.tsv").rows for name in ("manifest", "train", "dev")}
    assert listed["manifest"] == (*listed["train"], *listed["dev"])
    assert [row.speaker_id for row in listed["dev"]] == ["dev"]
