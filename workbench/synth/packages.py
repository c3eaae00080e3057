"""Speaking engines that are Python packages: an adapter of a few lines each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.synth.engine import Speech
from workbench.synth.onnx import use_packages

Float = NDArray[np.float32]


class Hibari:
    """A small neural synthesiser taught by Kokoro; voice "heart" alone is in its package."""

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
