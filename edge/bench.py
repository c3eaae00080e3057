"""Measure speed and memory of a model on this machine: one thread, a synthetic clip, a cold `edge score`."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.model import Model, runtime_version
from edge.scoring import score_samples
from edge.stream import StreamScorer
from edge.tables import columns

Float = NDArray[np.float32]

CLIP_S = 4.0
_COLD_STARTS = 5
_WARM_UP = 3
# The child reads its own peak, in bytes: the kernel's figure for children keeps the largest of all that ever ran, and
# ru_maxrss on Linux starts at the peak of the parent.
_CHILD = (
    "import sys; from edge.cli.main import main\n"
    "try: main(['score', *sys.argv[1:]], prog_name='edge')\n"
    "except SystemExit as end:\n"
    "    if sys.platform == 'linux':\n"
    "        with open('/proc/self/status') as status:\n"
    "            peak = next(1024 * int(line.split()[1]) for line in status if line.startswith('VmHWM:'))\n"
    "    else:\n"
    "        import resource\n"
    "        unit = 1 if sys.platform == 'darwin' else 1024\n"
    "        peak = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
    "    print(peak, file=sys.stderr); sys.exit(end.code)\n"
)


def measure(path: Path, *, repeats: int = 50, timing: bool = True) -> dict[str, Any]:
    """Benchmark the model at ``path``; without ``timing`` only what does not depend on the clock.

    Returns
    -------
    dict
        ``rtf`` (compute time / audio time), milliseconds, seconds and megabytes (10^6 bytes) by the unit in each name;
        medians, but for the percentiles that are named.
    """
    model = Model.load(path, threads=1)
    clip = voice_like(CLIP_S, model.contract.frontend.sample_rate)
    facts: dict[str, Any] = {
        "model": model.name,
        "model_bytes": path.stat().st_size,
        "parameters": model.contract.parameters,
        "runtime": runtime_version(),
        "cpu": _processor(),
        "python": platform.python_version(),
        "cm_score": score_samples(model, clip).cm_score,
    }
    if not timing:
        return facts
    clip_ms = sorted(_clip_times(model, clip, repeats))
    chunk_ms = [duration for _ in range(repeats) for duration in _chunk_times(model, clip)]
    cold_start_s, peak_rss_mb = _cold_start(path, clip, model.contract.frontend.sample_rate)
    median = statistics.median(clip_ms)
    return {
        **facts,
        "rtf": median / (1000.0 * CLIP_S),
        "ms_per_4s": median,
        "ms_per_4s_fastest": clip_ms[0],
        **{f"ms_per_chunk_p{q}": float(np.percentile(chunk_ms, q)) for q in (50, 95, 99)},
        "chunk_ms": 1000.0 * model.contract.chunk_samples / model.contract.frontend.sample_rate,
        "cold_start_s": cold_start_s,
        "peak_rss_mb": peak_rss_mb,
    }


def text_table(result: dict[str, Any]) -> str:
    """The result as a table for terminals."""
    return "\n".join(columns((name, _cell(value)) for name, value in result.items()))


def voice_like(seconds: float, sample_rate: int) -> Float:
    """A harmonic tone in syllables with a little noise [shape=(n,)], the same on every machine."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    tone = sum(np.sin(2 * np.pi * 120.0 * k * t) / k for k in range(1, 40))
    voice = 0.2 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4.0 * t)) + 0.003 * rng.standard_normal(len(t))
    return voice.astype(np.float32)


def _clip_times(model: Model, clip: Float, repeats: int) -> Iterator[float]:
    for index in range(_WARM_UP + repeats):
        start = time.perf_counter()
        score_samples(model, clip)
        if index >= _WARM_UP:
            yield 1000.0 * (time.perf_counter() - start)


def _chunk_times(model: Model, clip: Float) -> Iterator[float]:
    """Milliseconds of each chunk, fed one by one as in a live stream."""
    scorer, chunk = StreamScorer(model), model.contract.chunk_samples
    for position in range(0, len(clip) - chunk + 1, chunk):
        start = time.perf_counter()
        list(scorer.feed(clip[position : position + chunk]))
        yield 1000.0 * (time.perf_counter() - start)


def _cold_start(path: Path, clip: Float, sample_rate: int) -> tuple[float, float]:
    """Median seconds of `edge score FILE` from start to exit, and the largest peak memory in MB."""
    seconds, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder, "clip.wav")
        _write(recording, clip, sample_rate)
        command = [sys.executable, "-c", _CHILD, str(recording), "--json", "--model", str(path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        for _ in range(_COLD_STARTS):
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            seconds.append(time.perf_counter() - start)
            if done.returncode:
                raise EdgeError(f"`edge score` on a synthetic clip exits with {done.returncode}: {done.stderr.strip()}")
            json.loads(done.stdout)
            peaks.append(int(done.stderr.split()[-1]) / 1e6)
    return statistics.median(seconds), max(peaks)


def _write(path: Path, samples: Float, sample_rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {name.strip().lower(): value.strip() for name, value in facts.items()}
    # Raspberry Pi kernels name the board, x86 the processor; some virtual machines neither.
    return named.get("model name") or named.get("hardware") or platform.processor() or platform.machine()


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5f}" if abs(value) < 0.01 else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
