"""The speaking engines: programs and their arguments here; the engines themselves where they are installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import SynthesisError
from workbench.synth.catalog import ENGINES as ALL_ENGINES
from workbench.synth.catalog import SPEECH_ENGINES, why_missing
from workbench.synth.speakers import Program, espeak, festival, flite
from workbench.synth.tasks import read_texts

ENGINES = Path(os.environ.get("BONAFONE_ENGINES", Path.home() / ".cache" / "bonafone" / "engines"))

WRITE_TONE = """
import math, struct, sys, wave
with wave.open(sys.argv[1], "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(11025)
    file.writeframes(b"".join(struct.pack("<h", int(16384 * math.sin(n / 5))) for n in range(11025)))
"""


def test_a_program_speaks_by_the_file_it_writes(rng):
    program = Program(lambda text, voice, output, rng: [sys.executable, "-c", WRITE_TONE, str(output)])
    made = program.speak("Hello.", "anna", "en", rng)
    assert (made.sample_rate, len(made.samples)) == (11025, 11025)
    assert np.abs(made.samples).max() == pytest.approx(0.5, abs=0.01)


def test_a_program_that_fails_says_why(rng):
    command = [sys.executable, "-c", "import sys; sys.exit('no such voice')"]
    program = Program(lambda text, voice, output, rng: command)
    with pytest.raises(SynthesisError, match=r"wrote nothing \(exit code 1\): no such voice"):
        program.speak("Hello.", "anna", "en", rng)


def test_a_text_cannot_end_the_string_that_festival_reads(rng):
    text = 'say "a\\b" (quit)'
    step = festival(text, "kal_diphone", Path("o.wav"), rng)[-1]
    assert step == r'(utt.save.wave (SynthText "say \"a\\b\" (quit)") "o.wav")'


def test_pace_and_pitch_are_drawn_within_their_ranges(rng):
    for _ in range(50):
        arguments = espeak("Hello.", "en-us+f1", Path("o.wav"), rng)
        assert 30 <= int(arguments[arguments.index("-p") + 1]) <= 70
        assert 130 <= int(arguments[arguments.index("-s") + 1]) <= 190
        stretch = flite("Hello.", "slt", Path("o.wav"), rng)[4]
        assert 0.85 <= float(stretch.removeprefix("duration_stretch=")) <= 1.2


@pytest.mark.parametrize("spec", SPEECH_ENGINES, ids=lambda spec: spec.name)
def test_an_installed_engine_reads_a_sentence_of_each_language(spec):
    missing = why_missing(spec, ENGINES)
    if missing is not None:
        pytest.skip(missing)
    engine = spec.load(ENGINES)
    for language, voices in spec.voices.items():
        text = next(sentence.text for sentence in read_texts(None) if sentence.language == language)
        made = engine.speak(text, voices[-1], language, np.random.default_rng(0))
        assert 1.0 < len(made.samples) / made.sample_rate < 12.0
        assert made.samples.dtype == np.float32
        assert 0.02 < np.std(made.samples) < 0.5
        assert abs(np.mean(made.samples)) < 0.05


def test_every_engine_of_the_catalog_is_defined(tmp_path):
    """Without its files an engine does not load, but what the catalog names exists."""
    for spec in ALL_ENGINES.values():
        try:
            spec.load(tmp_path)
        except (AttributeError, TypeError):
            raise
        except Exception:  # noqa: BLE001 - of the engine's own runtime
            continue
