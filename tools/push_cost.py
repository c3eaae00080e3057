"""Measure what a piece of a call costs: `CallGuard.push_pcm16` with the shipped model, one thread.

A synthetic voice is pushed as an app pushes it, in pieces of 20 ms. Most pieces only fill the model's chunk; the one
that completes it carries the whole inference, so the 95th percentile and the largest say what the audio thread meets,
and the share of real time what the battery does.

Example: python tools/push_cost.py --json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import time
from typing import Any

import numpy as np

from android_bridge.audio import PolyphaseResampler
from android_bridge.guard import CallGuard
from android_bridge.settings import GuardSettings
from edge.catalog import resolve_model
from edge.contract import OperatingPoint
from edge.errors import EdgeError
from edge.model import Model, runtime_version
from edge.resampling import Resampler
from edge.stream import MakeConverter

PIECE_MS = 20
CONVERTERS: dict[str, MakeConverter] = {"soxr": Resampler, "numpy": PolyphaseResampler}
_POINT = OperatingPoint("cost", 4.0, -1e9, -1e9, 1.0, 1.0, 60.0)


class _Silent:
    """A phone that does nothing; no alarm is raised at this operating point."""

    def buzz(self, pattern: Any) -> None:
        """Nothing."""

    def cancel(self) -> None:
        """Nothing."""

    def show(self, notice: Any) -> None:
        """Nothing."""


def voice(seconds: float, sample_rate: int) -> bytes:
    """PCM16 of syllables of harmonics with a little noise, which the speech measure takes for a voice."""
    time_s = np.arange(round(seconds * sample_rate)) / sample_rate
    harmonics = [k for k in range(1, 60) if 130.0 * k < 0.45 * sample_rate]
    tone = sum(np.sin(2 * np.pi * 130.0 * k * time_s) / k for k in harmonics)
    noise = np.random.default_rng(0).standard_normal(len(time_s))
    samples = 0.15 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4.0 * time_s)) + 0.002 * noise
    return (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()


def push_times_ms(model: Model, seconds: float, sample_rate: int, make_converter: MakeConverter) -> list[float]:
    """Milliseconds of each push, after the first second."""
    phone = _Silent()
    guard = CallGuard(
        model,
        buzzer=phone,
        notifier=phone,
        settings=GuardSettings(operating_point=_POINT.name),
        make_converter=make_converter,
    )
    guard.open({"id": "cost"})
    data, step = voice(seconds + 1.0, sample_rate), 2 * sample_rate * PIECE_MS // 1000
    taken = []
    for start in range(0, len(data), step):
        begin = time.perf_counter()
        guard.push_pcm16(data[start : start + step], sample_rate)
        taken.append(1000.0 * (time.perf_counter() - begin))
    guard.close()
    return taken[1000 // PIECE_MS :]


def measure(model: Model, seconds: float, sample_rate: int, converter: str) -> dict[str, Any]:
    """One row of the table."""
    taken = push_times_ms(model, seconds, sample_rate, CONVERTERS[converter])
    return {
        "sample_rate": sample_rate,
        "resampler": "none" if sample_rate == model.contract.frontend.sample_rate else converter,
        "pushes": len(taken),
        "median_ms": round(statistics.median(taken), 4),
        "p95_ms": round(statistics.quantiles(taken, n=20)[-1], 4),
        "largest_ms": round(max(taken), 4),
        "share_of_real_time": round(statistics.fmean(taken) / PIECE_MS, 5),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a .tflite, or a shipped model by name (default: the newest shipped)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of audio for each row (default: 30)")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    arguments = parser.parse_args()
    if not 1.0 <= arguments.seconds <= 3600.0:
        parser.error(f"--seconds: expected 1 to 3600, got {arguments.seconds:g}")
    try:
        model = Model.load(resolve_model(arguments.model), threads=1)
        model.contract = dataclasses.replace(model.contract, operating_points=(_POINT,))
        kinds = [(16000, "soxr"), (8000, "soxr"), (8000, "numpy"), (48000, "numpy")]
        rows = [measure(model, arguments.seconds, rate, converter) for rate, converter in kinds]
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    common = {"model": model.name, "runtime": runtime_version(), "piece_ms": PIECE_MS}
    if arguments.json:
        print("\n".join(json.dumps({**common, **row}) for row in rows))
        return 0
    print(f"{model.name}, {common['runtime']}, one thread, pieces of {PIECE_MS} ms")
    print("rate Hz  resampler  median ms  p95 ms  largest ms  of real time")
    for row in rows:
        print(
            f"{row['sample_rate']:>7}  {row['resampler']:<9}  {row['median_ms']:>9.3f}  {row['p95_ms']:>6.3f}  "
            f"{row['largest_ms']:>10.3f}  {100 * row['share_of_real_time']:>10.2f} %"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
