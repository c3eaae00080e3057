"""The clips that a model is most wrong about, to be seen and heard."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract, FrontEndSpec, SpeechSpec
from edge.decision import TimelinePoint
from edge.model import Model
from edge.scoring import score_samples
from workbench.data.cache import decode
from workbench.evaluate.trials import Trial
from workbench.frontend.reference import features
from workbench.report.report import signed
from workbench.report.svg import Axis, Chart
from workbench.transmissions import CLEAN

Float = NDArray[np.float32]
Bytes = NDArray[np.uint8]

MAX_S = 12.0
"""Of a clip that is shown and embedded: a page of hours of audio opens nowhere."""
_SCORE_LIMIT = 6.0


@dataclass(frozen=True)
class Exhibit:
    """One clip of the gallery; ``spectrogram`` and ``audio`` are data URIs, ``audio`` empty where none is wanted."""

    trial: Trial
    duration_s: float
    shown_s: float
    spectrogram: str
    timeline: str
    audio: str


def worst(trials: Sequence[Trial], count: int) -> tuple[list[Trial], list[Trial]]:
    """Bona fide clips with the lowest, and spoof clips with the highest scores, the worst first; clean clips alone."""
    scored = [(trial.cm_score, trial) for trial in trials if trial.cm_score is not None and trial.transmission == CLEAN]
    bonafide = sorted((pair for pair in scored if pair[1].is_bonafide), key=lambda pair: pair[0])
    spoof = sorted((pair for pair in scored if not pair[1].is_bonafide), key=lambda pair: -pair[0])
    return [trial for _, trial in bonafide[:count]], [trial for _, trial in spoof[:count]]


def exhibit(model: Model, root: Path, trial: Trial, *, with_audio: bool) -> Exhibit:
    """Draw a clip: its mel spectrogram, its score after each chunk, and the audio that the model heard.

    Raises
    ------
    AudioError
        The clip cannot be read.
    """
    contract = model.contract
    rate = contract.frontend.sample_rate
    samples = decode(root / trial.row.path, rate)
    shown = samples[: round(MAX_S * rate)]
    decision = score_samples(model, shown, keep_timeline=True)
    return Exhibit(
        trial=trial,
        duration_s=len(samples) / rate,
        shown_s=len(shown) / rate,
        spectrogram=_data_uri("image/png", indexed_png(*_spectrogram(shown, rate))),
        timeline=timeline_figure(decision.timeline, len(shown) / rate, contract),
        audio=_data_uri("audio/flac", _flac(shown, rate)) if with_audio else "",
    )


def timeline_figure(points: Sequence[TimelinePoint], duration_s: float, contract: Contract) -> str:
    """The running score over time, with the thresholds."""
    step = 1.0 if duration_s <= 6.0 else 2.0
    known = [(point.end_s, point.cm_score) for point in points if point.cm_score is not None]
    limit = _SCORE_LIMIT if any(abs(score) > _SCORE_LIMIT / 2.0 for _, score in known) else _SCORE_LIMIT / 2.0
    chart = Chart(
        "Score over time",
        "The running score after each chunk, with the thresholds for spoof and bona fide",
        Axis("seconds", 0.0, duration_s, [(t, f"{t:g}") for t in np.arange(0.0, duration_s + 1e-9, step)]),
        Axis("nats", -limit, limit, [(value, signed(value, 0)) for value in (-limit, 0.0, limit)]),
        height=150,
        left=40,
    )
    bounds = contract.thresholds
    for level in (bounds.spoof_below, bounds.bonafide_above):
        chart.line([(0.0, level), (duration_s, level)], "threshold")
    chart.line([(0.0, 0.0), (duration_s, 0.0)], "zero")
    chart.line([(min(end, duration_s), score) for end, score in known], "curve all")
    for end, score in known[-1:]:
        chart.dot((min(end, duration_s), score), 4.0, "bin", f"{signed(score)} nats at the end")
    return chart.render()


def indexed_png(pixels: Bytes, palette: Bytes) -> bytes:
    """An indexed PNG (ISO/IEC 15948): ``pixels`` [shape=(height, width)] point into ``palette`` [shape=(n, 3)]."""
    height, width = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    body = (struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _spectrogram(samples: Float, rate: int) -> tuple[Bytes, Bytes]:
    """Mel power in 64 shades, low bands below, and the palette, from the quietest twentieth to the loudest."""
    import matplotlib

    # The same picture for every model: what a front end of its own sees is not always a spectrogram.
    spec = FrontEndSpec(sample_rate=rate)
    padded = np.concatenate([np.zeros(spec.overlap, np.float32), samples, np.zeros(spec.window, np.float32)])
    bands, _ = features(padded, spec, SpeechSpec())
    low, high = np.percentile(bands, [5.0, 99.8])
    shades = np.clip(63.0 * (bands - low) / max(high - low, 1e-6), 0.0, 63.0).astype(np.uint8)
    palette = (255.0 * matplotlib.colormaps["magma"](np.linspace(0.0, 1.0, 64))[:, :3]).astype(np.uint8)
    return np.ascontiguousarray(shades.T[::-1]), palette


def _flac(samples: Float, rate: int) -> bytes:
    """Lossless, since the traces of synthesis that a listener looks for are what a lossy codec throws away."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1.0, 1.0), rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
