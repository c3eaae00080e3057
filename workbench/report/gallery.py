"""The clips that a model is most wrong about: their spectrograms, scores over time, and recordings."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.contract import FrontEndSpec, SpeechSpec
from edge.model import Model
from edge.scoring import score_samples
from workbench.data.cache import decode
from workbench.evaluate.trials import Trial
from workbench.frontend.reference import features
from workbench.report.figures import clip_figure
from workbench.transmissions import CLEAN

Float = NDArray[np.float32]

MAX_S = 12.0
"""Of a clip that is shown and embedded: a page of hours of audio opens nowhere."""


@dataclass(frozen=True)
class Exhibit:
    """One clip of the gallery; ``figure`` is SVG, ``audio`` a data URI, empty where none is wanted."""

    trial: Trial
    duration_s: float
    shown_s: float
    figure: str
    audio: str


def worst(trials: Sequence[Trial], count: int) -> tuple[list[Trial], list[Trial]]:
    """Bona fide clips with the lowest, and spoof clips with the highest scores, the worst first; clean clips alone."""
    scored = [(trial.cm_score, trial) for trial in trials if trial.cm_score is not None and trial.transmission == CLEAN]
    bonafide = sorted((pair for pair in scored if pair[1].is_bonafide), key=lambda pair: pair[0])
    spoof = sorted((pair for pair in scored if not pair[1].is_bonafide), key=lambda pair: -pair[0])
    return [trial for _, trial in bonafide[:count]], [trial for _, trial in spoof[:count]]


def exhibit(model: Model, root: Path, trial: Trial, *, with_audio: bool) -> Exhibit:
    """Draw a clip: its mel spectrogram, its score after each chunk, and the audio that the model scored.

    Raises
    ------
    AudioError
        The clip cannot be read.
    """
    contract = model.contract
    rate = contract.frontend.sample_rate
    samples = decode(root / trial.row.path, rate)
    shown = samples[: round(MAX_S * rate)]
    # The same picture for every model: what a front end of its own computes is not always a spectrogram.
    spec = FrontEndSpec(sample_rate=rate)
    padded = np.concatenate([np.zeros(spec.overlap, np.float32), shown, np.zeros(spec.window, np.float32)])
    bands, _ = features(padded, spec, SpeechSpec())
    timeline = score_samples(model, shown, keep_timeline=True).timeline
    return Exhibit(
        trial=trial,
        duration_s=len(samples) / rate,
        shown_s=len(shown) / rate,
        figure=clip_figure(bands, timeline, len(shown) / rate, contract.thresholds),
        audio=_flac_uri(shown, rate) if with_audio else "",
    )


def _flac_uri(samples: Float, rate: int) -> str:
    """Lossless, since the traces of synthesis that a listener looks for are what a lossy codec throws away."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1.0, 1.0), rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(file.getvalue()).decode()}"
