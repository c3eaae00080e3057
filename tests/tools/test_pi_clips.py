"""The recordings that every machine scores: enough of them, all different, the same each time, and long enough."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pi_emulation
import pytest
import soundfile
from pi_check.bundle import ROOT
from pi_check.clips import CALL_S, CLIP_S, KINDS, NARROW_RATE, RATE, call, example_clips, manifest_clips, read_mono
from pi_check.targets import EmulationError

from edge.catalog import default_model
from edge.model import Model
from edge.scoring import score_file
from workbench.data.manifest import Manifest, Row, write_manifest

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return example_clips(EXAMPLES, tmp_path_factory.mktemp("clips"), pi_emulation.CLIPS)


def test_at_least_a_hundred_different_ones_come_by_default(clips):
    assert len(clips) >= 100
    assert len({clip.path.name for clip in clips}) == len({clip.path.read_bytes() for clip in clips}) == len(clips)


def test_each_kind_has_its_share_and_its_rate(clips):
    kinds = Counter(clip.path.stem.partition("-")[2] for clip in clips)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= len(clips) / len(KINDS) / 2
    for clip in clips:
        samples, rate = read_mono(clip.path)
        assert rate == clip.sample_rate == (NARROW_RATE if "narrow" in clip.path.name else RATE)
        assert len(samples) == pytest.approx(CLIP_S * rate, abs=1)
        assert np.abs(samples).max() > 0.005
    assert [clip.path.suffix for clip in clips].count(".flac") == -(-len(clips) // 10)


def test_all_of_them_are_scored_and_not_all_alike(clips):
    model = Model.load(default_model())
    verdicts = Counter(score.verdict for clip in clips for score in score_file(model, clip.path))
    assert sum(verdicts.values()) == len(clips)
    assert set(verdicts) <= {"bonafide", "spoof", "uncertain"}
    assert len(verdicts) > 1


def test_the_same_ones_come_each_time(tmp_path):
    made = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        made.append(example_clips(EXAMPLES, tmp_path / name, 12))
    for one, other in zip(*made, strict=True):
        assert one.path.name == other.path.name
        assert one.path.read_bytes() == other.path.read_bytes()


@pytest.mark.parametrize("count", [0, 10_000])
def test_a_number_that_the_examples_do_not_give_is_refused(count, tmp_path):
    with pytest.raises(EmulationError, match=rf"^clips: expected 1 to \d+, which the examples give; got {count}$"):
        example_clips(EXAMPLES, tmp_path, count)


def test_a_folder_without_voices_is_refused(tmp_path):
    with pytest.raises(EmulationError, match="holds no example of a voice; it is the folder examples of a checkout"):
        example_clips(tmp_path, tmp_path, 1)


def test_the_call_begins_with_one_voice_and_ends_with_another(tmp_path):
    made = call(EXAMPLES, tmp_path)
    samples, rate = read_mono(made.path)
    assert (rate, len(samples)) == (RATE, CALL_S * RATE)
    first, _ = read_mono(EXAMPLES / "bonafide-librivox.flac")
    assert samples[: 2 * RATE] == pytest.approx(first[: 2 * RATE], abs=1e-4)


@pytest.fixture
def manifest(tmp_path, rng):
    """Five clips of dev, 1 to 5 s of noise, and one of test."""
    rows = []
    for seconds in range(1, 7):
        name = f"{seconds}.wav"
        soundfile.write(tmp_path / name, 0.1 * rng.standard_normal(seconds * NARROW_RATE), NARROW_RATE)
        rows.append(Row(name, split="dev" if seconds < 6 else "test"))
    write_manifest(Manifest(tuple(rows), tmp_path), tmp_path / "manifest.tsv")
    return tmp_path / "manifest.tsv"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "made").mkdir()
    return tmp_path / "made"


def test_clips_of_a_manifest_are_spread_over_its_split(manifest, folder):
    made = manifest_clips(manifest, "dev", folder, 3)
    assert [clip.sample_rate for clip in made] == [NARROW_RATE] * 3
    assert [len(read_mono(clip.path)[0]) / NARROW_RATE for clip in made] == [1.0, 3.0, 4.0]
    middle, _ = read_mono(manifest.with_name("5.wav"))
    assert read_mono(made[-1].path)[0] == pytest.approx(middle[NARROW_RATE // 2 : -NARROW_RATE // 2], abs=1e-4)


@pytest.mark.parametrize(
    ("split", "count", "told"),
    [
        ("dev", 6, r"^clips: expected 1 to 5, which dev of .*manifest\.tsv holds; got 6$"),
        ("train", 1, r"manifest\.tsv: holds no clips of split 'train'; give another one$"),
    ],
)
def test_what_a_manifest_does_not_hold_is_refused(split, count, told, manifest, folder):
    with pytest.raises(EmulationError, match=told):
        manifest_clips(manifest, split, folder, count)
