"""Tasks, journal and command: every clip by its own seed, resumed exactly, failures named, rows that training can read."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from workbench.cli.main import main
from workbench.data.manifest import SPLITS, Manifest, Row, read_manifest, write_manifest
from workbench.errors import SynthesisError
from workbench.synth import batch
from workbench.synth.batch import NAME, Journal
from workbench.synth.catalog import COPY_ENGINES, ENGINES, SPEECH_ENGINES, find_engine, why_missing
from workbench.synth.engine import EngineSpec, Speech
from workbench.synth.making import make
from workbench.synth.tasks import Sentence, plan_copies, plan_speech, read_texts


@pytest.fixture
def real(tmp_path, voice, write_recording):
    """A manifest of five bona fide clips and one spoof; the third bona fide one is on dev."""
    root = tmp_path / "real"
    rows = []
    for index in range(5):
        write_recording(root / f"{index}.wav", voice(1.0 + 0.1 * index))
        split = "dev" if index == 2 else "train"
        rows.append(Row(f"{index}.wav", split, speaker_id=f"s{index}", language="fr", source_repo=f"r{index}"))
    write_recording(root / "spoof.wav", voice(1.0, spoof=True))
    rows.append(Row("spoof.wav", "train", "spoof", "x"))
    write_manifest(Manifest(tuple(rows), root), root / "m.tsv")
    return root / "m.tsv"


@pytest.fixture
def run(tmp_path):
    def call(*arguments):
        return CliRunner().invoke(main, ["synth", *map(str, arguments), "--engines", str(tmp_path / "none")])

    return call


def test_copies_are_rows_that_inherit_from_their_originals(real, tmp_path, run):
    out = tmp_path / "out"
    result = run(real, "-o", out, "--engine", "lpc")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        f"{out}/manifest.tsv: 4 clips made, 0 kept from before, 0 failed; "
        f"next: workbench corpus show {out}/manifest.tsv\n"
    )
    made = read_manifest(out / "manifest.tsv")
    originals = {row.path: row for row in read_manifest(real).rows}
    assert sorted(row.source_path for row in made.rows) == ["0.wav", "1.wav", "3.wav", "4.wav"]
    for row in made.rows:
        original = originals[row.source_path]
        inherited = ("split", "speaker_id", "language", "source_repo")
        assert [getattr(row, name) for name in inherited] == [getattr(original, name) for name in inherited]
        assert (row.label, row.attack_id, row.paired) == ("spoof", "LPC-synth (copy-synthesis)", "yes")
        samples, rate = soundfile.read(made.root / row.path)
        assert rate == 16000
        assert len(samples) == soundfile.info(real.parent / row.source_path).frames
        assert float(row.duration_s) == pytest.approx(len(samples) / rate, abs=0.01)


def test_a_run_goes_on_where_it_was_and_makes_the_same(real, tmp_path, run):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(real, "-o", whole, "--engine", "lpc", "--per-clip", "2").exit_code == 0
    assert run(real, "-o", parts, "--engine", "lpc", "--limit", "2").exit_code == 0
    # As a kill leaves it: a line cut short, and a clip gone.
    journal = parts / NAME
    journal.write_text(journal.read_text() + '{"row": {"path": "lpc/x')
    lost = next((parts / "lpc").iterdir())
    lost.unlink()
    result = run(real, "-o", parts, "--engine", "lpc", "--per-clip", "2", "--json")
    assert json.loads(result.stdout) == {
        "manifest": f"{parts}/manifest.tsv",
        "made": 7,
        "kept": 1,
        "failed": 0,
    }
    files = {path.name: path.read_bytes() for path in (whole / "lpc").iterdir()}
    assert len(files) == 8
    assert files == {path.name: path.read_bytes() for path in (parts / "lpc").iterdir()}
    assert read_manifest(parts / "manifest.tsv").rows == read_manifest(whole / "manifest.tsv").rows


@pytest.mark.slow
def test_processes_make_what_one_process_makes(real, tmp_path, run):
    one, two = tmp_path / "one", tmp_path / "two"
    assert run(real, "-o", one, "--engine", "lpc").exit_code == 0
    assert run(real, "-o", two, "--engine", "lpc", "--jobs", "2").exit_code == 0
    assert {p.name: p.read_bytes() for p in (one / "lpc").iterdir()} == {
        p.name: p.read_bytes() for p in (two / "lpc").iterdir()
    }


def test_a_clip_that_fails_is_named_and_the_rest_is_made(real, tmp_path, run, write_recording):
    write_recording(real.parent / "1.wav", np.zeros(300))
    (real.parent / "4.wav").write_bytes(b"not audio")
    out = tmp_path / "out"
    result = run(real, "-o", out, "--engine", "lpc")
    assert result.exit_code == 1
    lines = sorted(result.stderr.splitlines())
    assert lines[0] == ("failed: lpc, 1.wav: SynthesisError: linear prediction needs 1600 samples; the clip has 300")
    assert lines[1].startswith("failed: lpc, 4.wav: ")
    assert "2 clips made, 0 kept from before, 2 failed" in result.stdout
    assert len(read_manifest(out / "manifest.tsv").rows) == 2


def test_an_interruption_leaves_the_manifest_of_what_is_finished(real, tmp_path, monkeypatch):
    tasks = plan_copies(["lpc"], read_manifest(real), splits=["train"], per_clip=1, limit=None, seed=0)

    def interrupted(outcomes, total):
        for number, outcome in enumerate(outcomes):
            if number == 2:
                raise KeyboardInterrupt
            yield outcome

    with pytest.raises(KeyboardInterrupt):
        batch.run_tasks(tasks, tmp_path / "out", tmp_path, jobs=1, with_originals=False, progress=interrupted)
    assert len(read_manifest(tmp_path / "out" / "manifest.tsv").rows) == 2
    result = batch.run_tasks(tasks, tmp_path / "out", tmp_path, jobs=1, with_originals=False)
    assert (result.made, result.kept) == (2, 2)


def test_originals_can_be_listed_beside_their_copies(real, tmp_path, run):
    out = tmp_path / "deep" / "out"
    assert run(real, "-o", out, "--engine", "lpc", "--per-clip", "2", "--with-originals").exit_code == 0
    made = read_manifest(out / "manifest.tsv")
    bonafide = made.select(label="bonafide")
    assert (len(made.rows), len(bonafide.rows)) == (12, 4)
    for row in bonafide.rows:
        assert not os.path.isabs(row.path)
        assert (made.root / row.path).resolve().parent == real.parent.resolve()
        assert row.paired == "yes"
    assert {row.attack_seen_in_train for row in made.select(label="spoof").rows} == {"yes"}


def test_the_order_of_copies_is_the_same_for_every_engine_and_every_beginning(real):
    found = read_manifest(real)
    options = {"splits": ["train", "dev"], "per_clip": 1, "seed": 3}
    tasks = plan_copies(["a", "b"], found, limit=None, **options)
    subjects = [task.original[0].path for task in tasks]
    assert subjects[:5] == subjects[5:]
    assert sorted(subjects[:5]) == [f"{index}.wav" for index in range(5)]
    assert plan_copies(["a"], found, limit=2, **options) == tasks[:2]
    assert len({task.seed for task in tasks}) == len({task.file for task in tasks}) == 10
    other = plan_copies(["a"], found, splits=["train"], per_clip=1, limit=None, seed=4)
    assert not {task.file for task in other} & {task.file for task in tasks}


def spec(name, voices, **more):
    return EngineSpec(name, "tts", name, "tts", name, "-", "-", lambda folder: None, voices=voices, **more)


def test_every_sentence_is_read_once_and_voices_take_turns():
    sentences = [Sentence(f"Sentence {index}.", "en") for index in range(6)] + [Sentence("Hallo.", "de")]
    tasks = plan_speech([spec("a", {"en": ("v1", "v2", "v3")})], sentences, limit=None, seed=0)
    assert sorted(task.sentence.text for task in tasks) == [f"Sentence {index}." for index in range(6)]
    assert sorted(task.voice for task in tasks) == ["v1", "v1", "v2", "v2", "v3", "v3"]
    more = plan_speech([spec("a", {"en": ("v1", "v2", "v3")})], sentences, limit=15, seed=0)
    assert more[:6] == tasks
    assert len({task.file for task in more}) == 15
    assert plan_speech([spec("a", {"fr": ("v",)})], sentences, limit=5, seed=0) == []


def test_no_family_is_on_two_sides():
    sides = {}
    for known in SPEECH_ENGINES:
        assert known.split in SPLITS
        sides.setdefault(known.family, set()).add(known.split)
    assert all(len(splits) == 1 for splits in sides.values())
    assert sides["kokoro"] == {"train"}
    assert ENGINES["hibari"].family == ENGINES["kokoro"].family
    assert all(known.kind == "copy" for known in COPY_ENGINES)


def test_a_spoken_clip_is_a_row_of_its_engine(tmp_path, monkeypatch, rng):
    class Talker:
        def speak(self, text, voice, language, rng):
            return Speech(0.01 * rng.standard_normal(24000).astype(np.float32), 24000)

    known = replace(spec("talker", {"it": ("anna",)}), load=lambda folder: Talker(), split="dev")
    monkeypatch.setitem(ENGINES, "talker", known)
    task = plan_speech([known], [Sentence("Buongiorno.", "it")], limit=None, seed=0)[0]
    row = make(task, tmp_path, tmp_path / "engines")
    assert (row.split, row.label, row.attack_id, row.speaker_id) == ("dev", "spoof", "talker", "talker_anna")
    assert (row.language, row.source_sample_rate, row.duration_s) == ("it", "24000", "1.00")
    samples, rate = soundfile.read(tmp_path / row.path, dtype="int16")
    assert rate == 16000
    assert np.abs(samples).max() == pytest.approx(0.9 * 32768, rel=0.01)
    assert not (samples % 16).any()
    assert [path.name for path in (tmp_path / "talker").iterdir()] == [f"{row.path.split('/')[1]}"]


def test_an_engine_that_says_nothing_is_an_error(tmp_path, monkeypatch):
    class Mute:
        def speak(self, text, voice, language, rng):
            return Speech(np.zeros(24000, np.float32), 24000)

    known = replace(spec("mute", {"en": ("x",)}), load=lambda folder: Mute())
    monkeypatch.setitem(ENGINES, "mute", known)
    task = plan_speech([known], [Sentence("Hello.", "en")], limit=None, seed=0)[0]
    with pytest.raises(SynthesisError, match="engine mute made no sound of it"):
        make(task, tmp_path, tmp_path / "other")
    assert not (tmp_path / "mute").exists()


def test_an_engine_that_is_not_here_says_what_is_missing_and_how_to_get_it(tmp_path):
    known = replace(ENGINES["lpc"], modules=("no_such_module",), files=("a/b.onnx",), commands=("no-such-program",))
    assert why_missing(known, tmp_path) == (
        f"Python package no_such_module and program no-such-program and {tmp_path}/a/b.onnx missing"
    )
    assert why_missing(ENGINES["lpc"], tmp_path) is None
    with pytest.raises(SynthesisError) as error:
        find_engine("hifigan", tmp_path)
    assert f"{tmp_path}/hifigan/hifigan.onnx missing; install it: " in str(error.value)
    assert str(error.value).endswith("tools/fetch_engines.py --only hifigan")


def test_the_list_names_every_engine_its_kind_and_licence(run):
    result = run("--list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["engine", "kind", "installed", "licence"]
    assert [line.split()[0] for line in lines[1 : len(ENGINES) + 1]] == list(ENGINES)
    records = [json.loads(line) for line in run("--list", "--json").stdout.splitlines()]
    by_name = {record["name"]: record for record in records}
    assert by_name["kokoro"]["missing"] is not None
    assert by_name["lpc"]["missing"] is None
    assert by_name["lpc"]["split"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--engine", "lpc"], 2, "give the folder to write: -o FOLDER"),
        (["-o", "OUT", "--engine", "lpc"], 2, "to copy recordings by lpc, give the MANIFEST that lists them"),
        (["-o", "OUT", "--engine", "nobody"], 1, "there is no engine 'nobody'; expected one of hifigan, "),
    ],
)
def test_misuse_is_explained(run, tmp_path, arguments, code, message):
    result = run(*[str(tmp_path / "out") if part == "OUT" else part for part in arguments])
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_journal_without_a_finished_clip_writes_no_manifest(tmp_path):
    with Journal(tmp_path / "out") as journal:
        assert journal.write_manifest(with_originals=True) is None


def test_texts_are_sentences_with_a_language(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("Hello.\n\nGuten Tag.\tde\n")
    assert read_texts(path) == [Sentence("Hello.", "en"), Sentence("Guten Tag.", "de")]
    path.write_text("\n")
    with pytest.raises(SynthesisError, match="no sentence in it; give one a line"):
        read_texts(path)


def test_the_shipped_texts_are_enough_and_each_once():
    sentences = read_texts(None)
    assert len(sentences) == len(set(sentences)) >= 200
    assert {sentence.language for sentence in sentences} >= {"en", "es", "fr", "it", "de"}
    assert all(10 <= len(sentence.text) <= 90 for sentence in sentences)
    spoken = {language for known in SPEECH_ENGINES for language in known.voices}
    assert {sentence.language for sentence in sentences} <= spoken
