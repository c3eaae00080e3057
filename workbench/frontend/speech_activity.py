"""Speech activity (voice activity detection, VAD): which frames count as speech, by their energy.

`SpeechMeasure` is what runs, inside the `.tflite`; `speech_mask` is its reference in NumPy, for tests and reports. The
numbers are `edge.contract.SpeechSpec`, part of a model's contract; docs/design/0004 says why energy is all it measures.
Letters: B batch, T frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.contract import FrontEndSpec, SpeechSpec

Float = NDArray[np.float32]


def speech_mask(level_db: Float, spec: FrontEndSpec, speech: SpeechSpec) -> Float:
    """Weigh each frame by how much it counts as speech, in streaming order.

    Parameters
    ----------
    level_db : [shape=(T,)]
        Level of the speech band in dB re full scale, as `workbench.frontend.reference.features` gives it.
    spec, speech
        Numbers of the front end (its frame rate) and of the measure.

    Returns
    -------
    [shape=(T,), range 0 to 1]
        See `edge.contract.SpeechSpec` for the rule.
    """
    rise = speech.noise_rise_db_per_s / spec.frames_per_s
    noise = speech.initial_noise_db
    mask = np.zeros(len(level_db), dtype=np.float32)
    for index, (level, peak) in enumerate(zip(level_db, speech_peaks(level_db, spec, speech), strict=True)):
        noise = min(float(level), noise + rise)
        bound = max(speech.floor_db, peak - speech.range_db, noise + speech.above_noise_db)
        mask[index] = np.clip((level - bound) / speech.ramp_db, 0.0, 1.0)
    return mask


def speech_peaks(level_db: NDArray[np.floating], spec: FrontEndSpec, speech: SpeechSpec) -> NDArray[np.float64]:
    """Running peak of the speech-band level [shape=(T,), dB], after each frame [shape=(T,), dB]."""
    fall = speech.peak_fall_db_per_s / spec.frames_per_s
    peak, peaks = speech.initial_peak_db, np.zeros(len(level_db))
    for index, level in enumerate(level_db):
        peaks[index] = peak = max(float(level), peak - fall)
    return peaks


class SpeechMeasure:
    """Speech activity in the graph: `speech_mask` for a whole clip or a chunk of a stream.

    Level [B, T] and trackers [B, 2] (peak, noise; dB) to speech weights [B, T] in [0, 1], peaks [B, T] and trackers.

    The recursions ``peak = max(level, peak - fall)`` and ``noise = min(level, noise + rise)`` unroll to one
    maximum (minimum) over a triangle, so a chunk is one tensor operation.
    """

    def __init__(self, spec: FrontEndSpec, speech: SpeechSpec) -> None:
        self.speech = speech
        self.fall = speech.peak_fall_db_per_s / spec.frames_per_s
        self.rise = speech.noise_rise_db_per_s / spec.frames_per_s

    def initial_state(self) -> Float:
        """The trackers at the start of a stream [shape=(1, 2)]."""
        return np.array([[self.speech.initial_peak_db, self.speech.initial_noise_db]], dtype=np.float32)

    def __call__(self, level_db: Any, trackers: Any) -> tuple[Any, Any, Any]:
        import tensorflow as tf

        speech, frames = self.speech, level_db.shape[1]
        steps = np.arange(frames, dtype=np.float32)
        age = steps[:, None] - steps[None, :]
        far = np.where(age < 0, 1e6, 0.0).astype(np.float32)
        past = level_db[:, None, :]
        peak = tf.reduce_max(past - (self.fall * np.maximum(age, 0) + far), axis=2)
        peak = tf.maximum(peak, trackers[:, :1] - self.fall * (steps + 1))
        noise = tf.reduce_min(past + (self.rise * np.maximum(age, 0) + far), axis=2)
        noise = tf.minimum(noise, trackers[:, 1:] + self.rise * (steps + 1))
        bound = tf.maximum(tf.maximum(peak - speech.range_db, noise + speech.above_noise_db), speech.floor_db)
        mask = tf.minimum(tf.maximum((level_db - bound) / speech.ramp_db, 0.0), 1.0)
        return mask, peak, tf.concat([peak[:, -1:], noise[:, -1:]], axis=1)
