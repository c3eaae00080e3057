"""Measure what the runtime costs beyond `edge bench`: a push of the Android bridge, live calls, hours of audio.

    push     milliseconds of `CallGuard.push_pcm16`, in pieces of 20 ms as an app pushes them. Most pieces only fill the
             model's chunk; the one that completes it carries the inference: see the 95th percentile and the largest.
    calls    share of one core, and memory, of `edge listen` alone with so many RTP calls at once, by the kernel's
             account. ffmpeg sends the examples in real time. Needs Linux and ffmpeg.
    soak     hours of audio through the standard input of one `edge listen`, as fast as it reads. Exit code 1: memory
             grew, a position drifted, or audio was lost.

Example: python tools/research/cost.py calls --seconds 60 --at-once 1 4
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from android_bridge.audio import PolyphaseResampler
from android_bridge.guard import CallGuard
from android_bridge.settings import GuardSettings
from edge.audio.reading import open_audio
from edge.catalog import resolve_model
from edge.contract import OperatingPoint
from edge.errors import EdgeError
from edge.model import Model, runtime_version
from edge.resampling import Resampler
from edge.tables import columns

Float = NDArray[np.float32]
Row = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
PIECE_MS = 20
CALL_RATE, SOAK_RATE = 8000, 16000
MAX_CALLS, MAX_GROWTH_MB = 64, 5.0
WARM_UP_SHARE = 0.1
"""Of a soak's audio: then every buffer has been full once."""
# It never alarms.
_POINT = OperatingPoint("cost", 4.0, -1e9, -1e9, 1.0, 1.0, 60.0)
_TICKS = os.sysconf("SC_CLK_TCK")
_START_S, _END_S = 60.0, 120.0


def speech_pcm16(seconds: float, sample_rate: int) -> Iterator[bytes]:
    """Yield PCM16 of the WAV examples in a drawn order and at drawn levels, with pauses; never exactly silent."""
    rng, missing, voices = np.random.default_rng(1), round(seconds * sample_rate), []
    for path in sorted((ROOT / "examples").glob("[bcs]*.wav")):
        with open_audio(path) as audio:
            converter = Resampler(audio.sample_rate, sample_rate)
            blocks = [converter.feed(block.mean(axis=1)) for block in audio]
        voices.append(np.concatenate([*blocks, converter.flush(), np.zeros(sample_rate)]))
    while missing > 0:
        voice = 10 ** (rng.uniform(-30.0, 0.0) / 20) * voices[rng.integers(len(voices))][:missing]
        noisy = np.clip(voice + 1e-4 * rng.standard_normal(len(voice)), -1.0, 1.0)
        yield np.rint(noisy * 32767.0).astype("<i2").tobytes()
        missing -= len(voice)


class EdgeListen:
    """A running `edge listen --json`; a context manager, ready when entered, ended when left.

    The machine's configuration is not used: alerts go to an outbox in a temporary folder, and to no channel.

    Attributes
    ----------
    lines : how many of each type it printed.
    updates : the last update of each stream; ``last`` is the state at the end of the last one.

    Raises
    ------
    EdgeError
        It ended before it was ready, or is not ready within a minute.
    """

    def __init__(self, *arguments: str, feeds: bool = False) -> None:
        self._arguments, self._feeds = arguments, feeds
        self._folder = tempfile.TemporaryDirectory(prefix="edge-listen-")
        self.lines: Counter[str] = Counter()
        self.updates: dict[str, Row] = {}
        self.last: Row | None = None

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        config = folder / "bonafone.toml"
        config.write_text(f"[alerts]\noutbox = {json.dumps(str(folder / 'alerts.sqlite'))}\n", encoding="utf-8")
        self._errors = (folder / "stderr").open("w+b")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(folder / "notify"))
            manager.settimeout(_START_S)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "listen", "--json", "--config", str(config), *self._arguments],
                stdin=subprocess.PIPE if self._feeds else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                cwd=ROOT,
                env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "PYTHONUNBUFFERED": "1"},
            )
            self._reader = Thread(target=self._read, daemon=True)
            self._reader.start()
            try:
                while b"READY=1" not in manager.recv(4096):
                    pass
            except TimeoutError:
                error = EdgeError(f"edge listen is not ready after {_START_S:g} s: {self.errors()}")
                self.__exit__()
                raise error from None
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.finish()
        self._errors.close()
        self._folder.cleanup()

    def finish(self) -> int:
        """Close the input, wait for the end, and return the exit status."""
        if self.process.stdin is not None:
            # What is still in the buffer cannot be written where the process has ended.
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        try:
            status = self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._reader.join()
        return status

    def errors(self) -> str:
        """What it wrote to stderr."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()

    def cpu_s(self) -> float:
        """Seconds of processor that it used, all threads together. Source: proc_pid_stat(5)."""
        # The program's name, in brackets, may hold anything.
        fields = self._account("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self, which: str) -> float:
        """Memory in 10^6 bytes: ``VmRSS`` now, ``VmHWM`` at most so far. Source: proc_pid_status(5)."""
        lines = dict(line.split(":", 1) for line in self._account("status").splitlines())
        return int(lines.get(which, "0").split()[0]) * 1024 / 1e6

    def _account(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.process.pid}/{name}").read_text()
        except (FileNotFoundError, ProcessLookupError):
            raise EdgeError(f"edge listen has ended: {self.errors()}") from None

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in map(json.loads, self.process.stdout):
            self.lines[line["type"]] += 1
            if line["type"] == "update":
                self.updates[line["stream"]] = line
            elif line["type"] == "end":
                self.last = line["last"]


class _SilentPhone:
    def buzz(self, pattern: Any) -> None:
        """Nothing."""

    def cancel(self) -> None:
        """Nothing."""

    def show(self, notice: Any) -> None:
        """Nothing."""


def measure_push(model: Model, seconds: float) -> list[Row]:
    """Time pushes of speech for ``seconds``, a row for each rate and converter; the first second is not counted."""
    model.contract = dataclasses.replace(model.contract, operating_points=(_POINT,))
    phone, rows = _SilentPhone(), []
    for rate, name in ((16000, "none"), (8000, "soxr"), (8000, "numpy"), (48000, "numpy")):
        make_converter = PolyphaseResampler if name == "numpy" else Resampler
        settings = GuardSettings(operating_point=_POINT.name)
        guard = CallGuard(
            model, buzzer=phone, notifier=phone, settings=settings, make_converter=make_converter
        )  # fmt: skip
        guard.open({"id": "cost"})
        data, step, taken = b"".join(speech_pcm16(seconds + 1.0, rate)), 2 * rate * PIECE_MS // 1000, []
        for start in range(0, len(data), step):
            begin = time.perf_counter()
            guard.push_pcm16(data[start : start + step], rate)
            taken.append(1000.0 * (time.perf_counter() - begin))
        guard.close()
        taken = taken[1000 // PIECE_MS :]
        figures = (statistics.median(taken), statistics.quantiles(taken, n=20)[-1], max(taken))
        rows.append(
            {
                "rate Hz": rate,
                "resampler": name,
                **dict(zip(("median ms", "p95 ms", "largest ms"), figures, strict=True)),
                "of real time": statistics.fmean(taken) / PIECE_MS,
            }
        )
    return rows


def measure_calls(calls: int, seconds: float, recording: Path, arguments: Sequence[str] = ()) -> Row:
    """Measure one `edge listen` with ``calls`` at once over ``seconds``; starting is not counted.

    Raises
    ------
    EdgeError
        It does not start, does not receive all of the calls, or ends.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    source = ("--source", f"rtp://127.0.0.1:{port}?max_streams={max(calls, 1)}")
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(EdgeListen(*source, *arguments))
        for number in range(calls):
            sender = subprocess.Popen(_ffmpeg(recording, number, port), stdout=subprocess.DEVNULL)
            stack.callback(sender.wait)
            stack.callback(sender.terminate)
        deadline = time.monotonic() + _START_S
        while len(process.updates) < calls:
            if time.monotonic() > deadline:
                raise EdgeError(f"edge listen receives {len(process.updates)} of {calls} calls: {process.errors()}")
            time.sleep(0.1)
        begin, begin_cpu_s = time.monotonic(), process.cpu_s()
        time.sleep(seconds)
        share = (process.cpu_s() - begin_cpu_s) / (time.monotonic() - begin)
        lost_s = sum(update["lost_s"] for update in process.updates.values())
        return {"calls": calls, "of one core": share, "peak MB": process.memory_mb("VmHWM"), "lost s": lost_s}


def _ffmpeg(recording: Path, number: int, port: int) -> list[str]:
    # Not -re: it paces what the file's reader gives, a second at once. Telephones send each packet by itself.
    pace = ("-af", f"asetnsamples={CALL_RATE * PIECE_MS // 1000},arealtime", "-c:a", "pcm_mulaw", "-f", "rtp")
    target = f"rtp://127.0.0.1:{port}?pkt_size={12 + CALL_RATE * PIECE_MS // 1000}"
    start = ("-stream_loop", "-1", "-ss", str(number), "-i", str(recording))
    return ["ffmpeg", "-nostdin", "-loglevel", "error", *start, *pace, target]


def soak(hours: float, every_s: float, arguments: Sequence[str] = ()) -> Row:
    """Run ``hours`` of audio through one `edge listen` and read its memory each ``every_s`` seconds.

    Raises
    ------
    EdgeError
        It does not start, or ends before its memory was read after the warm-up.
    """
    begin, rss_mb = time.monotonic(), list[float]()
    with EdgeListen("--source", "-", "--rate", str(SOAK_RATE), *arguments, feeds=True) as process:
        feeder = Thread(target=_feed, args=(process, 3600.0 * hours), daemon=True)
        feeder.start()
        while feeder.is_alive():
            feeder.join(every_s)
            position_s = max((update["position_s"] for update in process.updates.values()), default=0.0)
            if feeder.is_alive() and position_s >= WARM_UP_SHARE * 3600.0 * hours:
                rss_mb.append(process.memory_mb("VmRSS"))
        status = process.finish()
        if process.last is None or not rss_mb:
            raise EdgeError(
                f"edge listen ended with {status}, and its memory was read {len(rss_mb)} times since it was warm; "
                f"give more --hours or fewer --every seconds. {process.errors()}"
            )
        growth_mb, troubles = max(rss_mb) - rss_mb[0], process.lines["trouble"]
        drift = round(process.last["position_s"] * SOAK_RATE) - round(3600.0 * hours * SOAK_RATE)
        faults = {
            f"memory grew by {growth_mb:.1f} MB, more than {MAX_GROWTH_MB:g}": growth_mb > MAX_GROWTH_MB,
            f"the final position is {drift:+d} samples off": drift != 0,
            f"{process.last['lost_s']:g} s were lost": process.last["lost_s"] != 0,
            f"{troubles} lines report trouble": troubles != 0,
            f"edge listen ended with {status}": status != 0,
        }
    return {
        "hours": hours,
        "wall s": time.monotonic() - begin,
        "speech h": process.last["speech_s"] / 3600,
        "alerts": process.lines["alert"],
        "start MB": rss_mb[0],
        "largest MB": max(rss_mb),
        "faults": "; ".join(text for text, wrong in faults.items() if wrong) or "none",
    }


def _feed(process: EdgeListen, seconds: float) -> None:
    assert process.process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        for piece in speech_pcm16(seconds, SOAK_RATE):
            process.process.stdin.write(piece)


def _rows(options: argparse.Namespace) -> list[Row]:
    if options.what == "push":
        return measure_push(Model.load(resolve_model(options.model), threads=1), options.seconds)
    arguments = () if options.model is None else ("--model", options.model)
    if options.what == "soak":
        return [soak(options.hours, options.every, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder, "speech.wav")
        with wave.open(str(recording), "wb") as file:
            file.setparams((1, 2, CALL_RATE, 0, "NONE", "not compressed"))
            file.writeframes(b"".join(speech_pcm16(60.0, CALL_RATE)))
        counts = tqdm([0, *options.at_once], "calls", leave=False, disable=None)
        return [measure_calls(calls, options.seconds, recording, arguments) for calls in counts]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("push", "calls", "soak"))
    parser.add_argument("--seconds", type=float, default=30.0, help="of push and calls, a row  [default: 30]")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 4], help="calls, a row each  [default: 1 4]")
    parser.add_argument("--hours", type=float, default=8.0, help="of soak  [default: 8]")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between readings of memory  [default: 1]")
    parser.add_argument("--model", help="a .tflite, or a shipped model by name  [default: the newest shipped]")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    options = parser.parse_args(arguments)
    if min(options.seconds, options.hours, options.every) <= 0 or not 1 <= min(options.at_once) <= MAX_CALLS:
        parser.error(f"--seconds, --hours and --every are above 0; --at-once is from 1 to {MAX_CALLS}")
    if options.what == "calls" and shutil.which("ffmpeg") is None:
        parser.error("ffmpeg is not installed; it sends the calls (Debian: apt install ffmpeg)")
    try:
        rows = _rows(options)
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print("\n".join(json.dumps({"runtime": runtime_version(), **row}) for row in rows))
    else:
        print("\n".join(columns([list(rows[0]), *([_cell(*item) for item in row.items()] for row in rows)])))
    return 1 if any(row.get("faults", "none") != "none" for row in rows) else 0


def _cell(name: str, value: Any) -> str:
    if name.startswith("of "):
        return f"{100 * value:.2f} %"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
