"""Speech by Kokoro, a neural synthesiser of 82 M parameters, with its voices and blends of two of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth.engine import Speech
from workbench.synth.onnx import open_graph, use_packages
from workbench.synth.voices import KOKORO_VOICES

Float = NDArray[np.float32]

MODEL = "kokoro/kokoro.onnx"
VOCABULARY = "python/hibari/assets/vocab.json"
RATE = 24000
_STYLE_SIZE = 256
_MAX_TOKENS = 500
_BLENDED = 0.4
_ESPEAK = {"a": "en-us", "b": "en-gb-x-rp", "e": "es", "f": "fr", "i": "it"}
"""A voice's first letter is its language."""
# Kokoro was trained on single letters for what espeak-ng writes as two, and on other letters for some English sounds.
_ALL = {"ʲ": "j", "dʒ": "ʤ", "tʃ": "ʧ", "ts": "ʦ", "dz": "ʣ", "ɬ": "l", "x": "k"}
_ENGLISH = {"eɪ": "A", "aɪ": "I", "ɔɪ": "Y", "oʊ": "O", "əʊ": "Q", "aʊ": "W", "r": "ɹ", "e": "ɛ", "ɚ": "əɹ", "ɐ": "ə"}


class Kokoro:
    """StyleTTS 2 with an iSTFTNet decoder; phonemes by the espeak-ng inside Piper's package.

    The decoder draws noise inside the graph, on from clip to clip: the seed repeats words and voice, not that noise.
    """

    def __init__(self, engines: Path) -> None:
        """Needs the model, its voices, Piper's package and Hibari's table of symbols, as fetch_engines.py lays them."""
        use_packages(engines)
        from piper.phonemize_espeak import EspeakPhonemizer

        self._session = open_graph(engines / MODEL, seed=0)
        self._phonemizer: Any = EspeakPhonemizer()
        self._voices = engines / "kokoro" / "voices"
        self._symbols: dict[str, int] = json.loads((engines / VOCABULARY).read_text("utf-8"))

    def speak(self, text: str, voice: str, language: str, rng: np.random.Generator) -> Speech:
        """See `SpeechEngine`: pace 0.85 to 1.2; two clips of five by a blend with another voice of the language."""
        phonemes = self._phonemes(text, voice)
        ids = [self._symbols[symbol] for symbol in phonemes if symbol in self._symbols]
        if not 0 < len(ids) <= _MAX_TOKENS:
            raise SynthesisError(f"Kokoro takes 1 to {_MAX_TOKENS} phonemes; the text has {len(ids)}: {text!r}")
        style = self._style(voice, len(ids))
        if rng.random() < _BLENDED:
            other = str(rng.choice(KOKORO_VOICES[language]))
            weight = np.float32(rng.uniform(0.2, 0.5))
            style = (1 - weight) * style + weight * self._style(other, len(ids))
        speed = np.array([rng.uniform(0.85, 1.2)], np.float32)
        inputs = {"tokens": np.array([[0, *ids, 0]], np.int64), "style": style[None], "speed": speed}
        return Speech(np.asarray(self._session.run(None, inputs)[0], np.float32).reshape(-1), RATE)

    def _style(self, voice: str, length: int) -> Float:
        # A voice pack holds one style for each length of text.
        styles = np.fromfile(self._voices / f"{voice}.bin", "<f4").reshape(-1, _STYLE_SIZE)
        return styles[min(length, len(styles) - 1)]

    def _phonemes(self, text: str, voice: str) -> str:
        sentences = self._phonemizer.phonemize(_ESPEAK[voice[0]], text)
        joined = " ".join("".join(sentence) for sentence in sentences)
        table = _ALL | (_ENGLISH if voice[0] in "ab" else {})
        pattern = "|".join(re.escape(key) for key in sorted(table, key=len, reverse=True))
        return re.sub(pattern, lambda found: table[found.group()], joined)
