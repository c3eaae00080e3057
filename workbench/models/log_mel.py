"""Whisper's log-mel spectrum for a stream, as a block: samples in, frames of 80 bands every 10 ms out.

Whisper (Radford et al. 2022) subtracts the loudest band of the whole recording. A stream has no whole recording, so the
reference here is the running maximum, which falls by 1 dB a second. Letters: B batch, n samples, T frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from librosa.filters import mel
from numpy.typing import NDArray

from workbench.models.blocks import Block, View

Float = NDArray[np.float32]

SAMPLE_RATE = 16000
WINDOW = 400
HOP = 160
BANDS = 80
_PART = 80
"""Samples of which windows and hops are whole multiples."""
_FLOOR = 1e-10
_RANGE = 8.0
"""Powers of ten below the reference that are kept."""
_DECAY = 0.1 * HOP / SAMPLE_RATE
"""Powers of ten by which the reference falls in a frame."""
_FIRST = -1.5
"""Reference at the start of a stream, in powers of ten; its state holds the difference to this, which starts at 0."""
_NEVER = -1e3


class LogMel(Block):
    """Samples [B, n, 1, 1], n a multiple of the hop, to normalised frames [B, n / hop, 1, 80].

    A frame ends with the newest sample of its hop. No gradient passes.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.basis, self.filters = dft_basis(), mel_filters()

    def __call__(self, samples: Any, view: View) -> Any:
        past = view.past(samples, WINDOW - HOP, f"state_{self.name}_samples")
        logs = self._logs(past)
        loudest = tf.reduce_max(logs, axis=2)
        reference = self._reference(loudest, view)[:, :, None]
        scaled = (tf.maximum(logs, reference - _RANGE) - reference + 5.5) / 4.0
        return tf.stop_gradient(scaled[:, :, None, :])

    def _logs(self, samples: Any) -> Any:
        """Samples with their past [B, 240 + n, 1, 1] to log10 of mel power [B, T, 80]."""
        batch = -1 if samples.shape[0] is None else samples.shape[0]
        parts = tf.reshape(samples, [batch, samples.shape[1] // _PART, _PART])
        step, count = HOP // _PART, (samples.shape[1] - WINDOW) // HOP + 1
        windows = [parts[:, place : place + step * (count - 1) + 1 : step] for place in range(WINDOW // _PART)]
        spectra = tf.square(tf.matmul(tf.reshape(tf.concat(windows, axis=2), [-1, WINDOW]), self.basis))
        bins = self.basis.shape[1] // 2
        power = tf.matmul(spectra[:, :bins] + spectra[:, bins:], self.filters)
        logs = tf.math.log(tf.maximum(power, _FLOOR)) * np.float32(1.0 / np.log(10.0))
        return tf.reshape(logs, [batch, count, BANDS])

    def _reference(self, loudest: Any, view: View) -> Any:
        """Running maximum [B, T] of ``loudest`` [B, T], falling by `_DECAY` a frame."""
        frames = loudest.shape[1]
        age = np.arange(frames)[:, None] - np.arange(frames)[None, :]
        fallen = np.where(age >= 0, -_DECAY * age, _NEVER).astype(np.float32)
        reference = tf.reduce_max(loudest[:, None, :] + fallen, axis=2)
        since = (_FIRST - _DECAY * np.arange(1, frames + 1)).astype(np.float32)
        if not view.streaming:
            return tf.maximum(reference, since)
        name = f"state_{self.name}_reference"
        reference = tf.maximum(reference, view.state(name, (1,)) + since)
        view.outputs[name] = reference[:, -1:] - np.float32(_FIRST)
        return reference


def dft_basis() -> Float:
    """Hann-windowed cosines and sines of the bins 0 to 200 [shape=(400, 402)]."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    angles = 2.0 * np.pi / WINDOW * np.outer(np.arange(WINDOW), np.arange(WINDOW // 2 + 1))
    return (np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * window[:, None]).astype(np.float32)


def mel_filters() -> Float:
    """Slaney's 80 mel filters of unit area from 0 to 8 kHz [shape=(201, 80)]."""
    return mel(sr=SAMPLE_RATE, n_fft=WINDOW, n_mels=BANDS).T.astype(np.float32)
