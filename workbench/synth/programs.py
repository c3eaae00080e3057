"""Speaking engines that are programs: Flite, Festival and eSpeak NG, as a system's packages install them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from workbench.errors import SynthesisError
from workbench.synth.engine import Speech

_TIMEOUT_S = 60

Command = Callable[[str, str, Path, np.random.Generator], list[str]]


class Program:
    """Runs a program that writes what it says to a WAV file."""

    def __init__(self, command: Command) -> None:
        """``command`` makes the arguments from text, voice, output file and Generator."""
        self._command = command

    def speak(self, text: str, voice: str, language: str, rng: np.random.Generator) -> Speech:
        """See `SpeechEngine`."""
        import soundfile

        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "speech.wav"
            arguments = self._command(text, voice, output, rng)
            try:
                done = subprocess.run(arguments, capture_output=True, timeout=_TIMEOUT_S, check=False)
            except subprocess.TimeoutExpired as error:
                raise SynthesisError(f"{arguments[0]} did not end within {_TIMEOUT_S} s") from error
            if done.returncode or not output.exists():
                said = (done.stderr or done.stdout).decode(errors="replace").strip()[-200:]
                raise SynthesisError(f"{arguments[0]} wrote nothing (exit code {done.returncode}): {said}")
            samples, rate = soundfile.read(output, dtype="float32")
        return Speech(samples, int(rate))


def flite(text: str, voice: str, output: Path, rng: np.random.Generator) -> list[str]:
    """Arguments for Flite: pace 0.85 to 1.2."""
    stretch = f"duration_stretch={rng.uniform(0.85, 1.2):.3f}"
    return ["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", str(output)]


def festival(text: str, voice: str, output: Path, rng: np.random.Generator) -> list[str]:
    """Arguments for Festival: pace 0.85 to 1.2."""
    steps = [
        f"(voice_{voice})",
        f"(Parameter.set 'Duration_Stretch {rng.uniform(0.85, 1.2):.3f})",
        f"(utt.save.wave (SynthText {_quoted(text)}) {_quoted(str(output))})",
    ]
    return ["festival", "-b", *steps]


def espeak(text: str, voice: str, output: Path, rng: np.random.Generator) -> list[str]:
    """Arguments for eSpeak NG: pitch 30 to 70 of 99, 130 to 190 words a minute."""
    pitch, pace = str(rng.integers(30, 71)), str(rng.integers(130, 191))
    return ["espeak-ng", "-v", voice, "-p", pitch, "-s", pace, "-w", str(output), text]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
