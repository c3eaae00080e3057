"""Speaking engines that are Python packages or programs: an adapter of a few lines each."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth.engine import Speech
from workbench.synth.neural import use_packages

Float = NDArray[np.float32]


class Hibari:
    """A small neural synthesiser distilled from Kokoro; voice "heart" alone is in its package."""

    def __init__(self, engines: Path) -> None:
        use_packages(engines)
        import hibari

        self._hibari = hibari.Hibari(voice="heart", threads=1)

    def speak(self, text: str, voice: str, language: str, rng: np.random.Generator) -> Speech:
        """See `SpeechEngine`: pace 0.85 to 1.2."""
        made = self._hibari(text, speed=float(rng.uniform(0.85, 1.2)), seed=int(rng.integers(2**31)))
        return Speech(np.asarray(made, np.float32), 24000)


class Pico:
    """SVOX Pico, a statistical synthesiser that Android once shipped."""

    def __init__(self, engines: Path) -> None:
        self._languages = str(use_packages(engines) / "languages") + "/"

    def speak(self, text: str, voice: str, language: str, rng: np.random.Generator) -> Speech:
        """See `SpeechEngine`: pitch 70 to 140 %, pace 80 to 130 % of the voice's own."""
        from ttspico import TtsEngine

        engine = TtsEngine(voice, self._languages)
        engine.rate, engine.pitch = int(rng.integers(80, 131)), int(rng.integers(70, 141))
        return Speech(_from_pcm16(engine.speak(text) or b""), 16000)


class Sam:
    """Software Automatic Mouth, a formant synthesiser of 1982."""

    def __init__(self, engines: Path) -> None:
        use_packages(engines)
        from samtts import SamTTS

        self._sam = SamTTS()

    def speak(self, text: str, voice: str, language: str, rng: np.random.Generator) -> Speech:
        """See `SpeechEngine`: pitch, pace, mouth and throat drawn about its own; a part between commas at a time."""
        settings = {
            "speed": int(rng.integers(60, 90)),
            "pitch": int(rng.integers(45, 90)),
            "mouth": int(rng.integers(100, 160)),
            "throat": int(rng.integers(100, 160)),
        }
        parts = [part for part in text.replace(";", ",").split(",") if part.strip(" .?!")]
        made = [np.frombuffer(bytes(self._sam.get_audio_data(part.strip(), **settings)), np.uint8) for part in parts]
        samples = np.concatenate(made) if made else np.zeros(0, np.uint8)
        return Speech((samples.astype(np.float32) - 128.0) / 128.0, 22050)


class OpenJTalk:
    """Open JTalk, a statistical synthesiser of Japanese, with the voice of its package."""

    def __init__(self, engines: Path) -> None:
        use_packages(engines)
        import pyopenjtalk

        self._talk = pyopenjtalk

    def speak(self, text: str, voice: str, language: str, rng: np.random.Generator) -> Speech:
        """See `SpeechEngine`: pace 0.85 to 1.2, pitch by up to 4 semitones either way."""
        samples, rate = self._talk.tts(text, speed=rng.uniform(0.85, 1.2), half_tone=rng.uniform(-4.0, 4.0))
        return Speech((np.asarray(samples) / 32768.0).astype(np.float32), int(rate))


def _from_pcm16(data: bytes) -> Float:
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768.0


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


def load_program(_: Path, name: str) -> Program:
    """Make the engine that runs the program ``name``."""
    return Program({"flite": flite, "festival": festival, "espeak": espeak}[name])
