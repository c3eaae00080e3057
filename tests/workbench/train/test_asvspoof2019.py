"""ASVspoof 2019 LA from its folders to its figures, on a miniature of the release: protocols, FLAC, verifier's scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.cli.main import main
from workbench.data.manifest import read_manifest
from workbench.train.runs import RunFolder

PARTS = {
    # part: letter, protocol, attacks, speakers; the evaluation part has attacks and speakers of its own
    "train": ("T", "train.trn", ("A01", "A02"), ("LA_0079", "LA_0080")),
    "dev": ("D", "dev.trl", ("A01", "A02"), ("LA_0069", "LA_0070")),
    "eval": ("E", "eval.trl", ("A07", "A17"), ("LA_0039", "LA_0014")),
}
BONAFIDE, SPOOF = 6, 14
"""Clips of each part: bona fide are the fewer, as in the release."""


@pytest.fixture
def release(voice, tmp_path):
    """`LA/` as the archive unpacks, with the verifier's scores of the evaluation part."""
    rng = np.random.default_rng(2019)
    root = tmp_path / "LA"
    protocols = root / "ASVspoof2019_LA_cm_protocols"
    protocols.mkdir(parents=True)
    for part, (letter, protocol, attacks, speakers) in PARTS.items():
        audio = root / f"ASVspoof2019_LA_{part}" / "flac"
        audio.mkdir(parents=True)
        (audio.parent / "LICENSE.LA.txt").write_text("none")
        lines = []
        for number in range(BONAFIDE + SPOOF):
            spoof = number >= BONAFIDE
            name = f"LA_{letter}_{1000137 + 7919 * number}"
            attack = attacks[number % 2] if spoof else "-"
            lines.append(f"{speakers[number % 2]} {name} - {attack} {'spoof' if spoof else 'bonafide'}\n")
            samples = voice(float(rng.uniform(1.2, 2.0)), spoof=spoof)
            soundfile.write(audio / f"{name}.flac", samples, 16000, subtype="PCM_16")
        (protocols / f"ASVspoof2019.LA.cm.{protocol}.txt").write_text("".join(lines))
    scores = root / "ASVspoof2019_LA_asv_scores"
    scores.mkdir()
    lines = [f"- target {value:.6f}\n" for value in rng.normal(4.0, 1.5, 40)]
    lines += [f"- nontarget {value:.6f}\n" for value in rng.normal(-4.0, 1.5, 40)]
    lines += [f"{attack} spoof {value:.6f}\n" for attack in ("A07", "A17") for value in rng.normal(3.0, 2.0, 40)]
    (scores / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt").write_text("".join(lines))
    return root


def invoke(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
def test_the_documented_commands_lead_from_the_release_to_its_figures(release, tmp_path):
    manifest = tmp_path / "la.tsv"
    assert "60 clips" in invoke("corpus", "read", "asvspoof2019-la", release, "-o", manifest)
    rows = read_manifest(manifest).rows
    assert {row.attack_seen_in_train for row in rows if row.split == "test" and row.label == "spoof"} == {"no"}

    run = tmp_path / "run"
    small = ["--epochs", 1, "--steps-per-epoch", 2, "--batch-size", 4, "--cache", tmp_path / "cache"]
    invoke("train", "--config", "configs/asvspoof2019.toml", "--manifest", manifest, "--run", run, *small)
    assert RunFolder(run).info().config.name == "asvspoof2019"
    assert len(RunFolder(run).history()) == 1
    # Two steps teach nothing, so the gate may well refuse; what is tested is that the way leads on.
    model = tmp_path / "model.tflite"
    invoke("quantize", run, "-o", model, "--ignore-parity", "--cache", tmp_path / "cache")

    verifier = release / "ASVspoof2019_LA_asv_scores" / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"
    for split in ("train", "dev", "test"):
        options = ["--asv-scores", verifier] if split == "test" else []
        report = json.loads(invoke("evaluate", model, "--manifest", manifest, "--split", split, "--json", *options))
        every = next(group for group in report["groups"] if group["name"] == "all")
        assert (every["bonafide"], every["spoof"], every["unscored"]) == (BONAFIDE, SPOOF, 0)
        assert 0.0 <= every["accuracy"]["value"] <= 1.0
        assert 0.0 <= every["eer"]["value"] <= 1.0
    # It is normalised: 1 is as good as letting everybody in, or nobody.
    assert 0.0 <= every["min_tdcf"] <= 1.0
