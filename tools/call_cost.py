"""What a live call costs: the share of one core, and memory, of `edge listen` alone, by the kernel's account.

ffmpeg sends the examples in real time as calls do, RTP of G.711 in packets of 20 ms, from one process a call. A row is
a process of its own: one without a call, then as many calls at once as were asked for. Starting is not counted, since
it happens once. Needs Linux and ffmpeg.

Example: python tools/call_cost.py --calls 1 4
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from edge_process import EdgeListen
from example_speech import speech_pcm16
from progress_bar import progress_bar

from edge.errors import EdgeError

RATE = 8000
_HEADER_BYTES, _PACKET_SAMPLES = 12, RATE // 50
_RECORDING_S = 60.0
_BEGIN_S = 30.0
_FIGURES = ("position_s", "lost_s", "speech_s")
MAX_CALLS = 64


@dataclass(frozen=True)
class Cost:
    """One row of the table.

    Attributes
    ----------
    calls : how many at once.
    wall_s : seconds over which processor time was counted, while all of them were on.
    cpu_share : of one core, 0 to 1; ``cpu_share_a_call`` is what it takes above a process without calls, a call.
    peak_mb : largest memory since its start, 10^6 bytes.
    heard_s : seconds of audio that were heard meanwhile, of all calls together; ``lost_s`` and ``speech_s`` of them.
    """

    calls: int
    wall_s: float
    cpu_share: float
    cpu_share_a_call: float | None
    peak_mb: float
    heard_s: float
    lost_s: float
    speech_s: float


class Calls:
    """The last word on each stream; fed by the thread that reads, asked by another."""

    def __init__(self) -> None:
        self._updates: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def hear(self, line: dict[str, Any]) -> None:
        """Take one line of `edge listen --json`."""
        with self._lock:
            if line["type"] == "update":
                self._updates[line["stream"]] = line

    def on(self) -> int:
        """How many calls have been heard."""
        with self._lock:
            return len(self._updates)

    def totals(self) -> dict[str, float]:
        """Seconds heard, lost and taken for speech, of all of them together."""
        with self._lock:
            return {name: float(sum(line[name] for line in self._updates.values())) for name in _FIGURES}


def measure(calls: int, seconds: float, recording: Path, arguments: Sequence[str] = ()) -> Cost:
    """Measure one process with so many calls over ``seconds``.

    Raises
    ------
    EdgeError
        `edge listen` does not start, does not hear all of the calls, or ends.
    """
    heard, port = Calls(), _free_port()
    source = ("--source", f"rtp://127.0.0.1:{port}?max_streams={max(calls, 1)}")
    with EdgeListen(*source, *arguments, hear=heard.hear) as process, _senders(calls, port, recording):
        deadline = time.monotonic() + _BEGIN_S
        while heard.on() < calls:
            if time.monotonic() > deadline or not process.running():
                raise EdgeError(f"edge listen hears {heard.on()} of {calls} calls: {process.errors()}")
            time.sleep(0.1)
        begin, begin_cpu_s, before = time.monotonic(), process.cpu_s(), heard.totals()
        time.sleep(seconds)
        wall_s, cpu_s, after = time.monotonic() - begin, process.cpu_s() - begin_cpu_s, heard.totals()
        peak_mb = process.memory_mb("VmHWM")
    return Cost(
        calls=calls,
        wall_s=wall_s,
        cpu_share=cpu_s / wall_s,
        cpu_share_a_call=None,
        peak_mb=peak_mb,
        heard_s=after["position_s"] - before["position_s"],
        lost_s=after["lost_s"] - before["lost_s"],
        speech_s=after["speech_s"] - before["speech_s"],
    )


def against_idle(idle: Cost, busy: Cost) -> Cost:
    """The row with what one of its calls takes above a process without calls."""
    share = (busy.cpu_share - idle.cpu_share) / busy.calls
    return Cost(**{**asdict(busy), "cpu_share_a_call": share})


@contextmanager
def _senders(calls: int, port: int, recording: Path) -> Iterator[None]:
    """So many calls; each stands at another place of the recording."""
    processes = []
    try:
        for number in range(calls):
            source = ["-stream_loop", "-1", "-ss", str(number % _RECORDING_S), "-i", str(recording)]
            # Not -re: it paces what the file's reader gives, a second at once. Telephones send each packet by itself.
            pace = ["-af", f"asetnsamples={_PACKET_SAMPLES},arealtime"]
            sent = f"rtp://127.0.0.1:{port}?pkt_size={_HEADER_BYTES + _PACKET_SAMPLES}"
            target = [*pace, "-c:a", "pcm_mulaw", "-f", "rtp", sent]
            command = ["ffmpeg", "-nostdin", "-loglevel", "error", *source, *target]
            processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def write_recording(path: Path) -> None:
    """A minute of the examples."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        for piece in speech_pcm16(round(_RECORDING_S * RATE), RATE):
            file.writeframes(piece)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def text(costs: Sequence[Cost]) -> str:
    """The table."""
    lines = ["calls  of one core  a call above idle  peak MB   heard s  lost s  speech s"]
    for cost in costs:
        above = "" if cost.cpu_share_a_call is None else f"{100 * cost.cpu_share_a_call:.2f} %"
        costly = f"{cost.calls:>5}  {100 * cost.cpu_share:>9.2f} %  {above:>17}  {cost.peak_mb:>7.1f}"
        lines.append(f"{costly}  {cost.heard_s:>8.1f}  {cost.lost_s:>6.2f}  {cost.speech_s:>8.1f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="to measure a row for  [default: 60]")
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 4], help="at once, a row each  [default: 1 4]")
    parser.add_argument("--model", help="as `edge listen` takes it  [default: the newest shipped]")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    options = parser.parse_args(arguments)
    if not (0 < options.seconds <= 3600 and all(1 <= calls <= MAX_CALLS for calls in options.calls)):
        parser.error(f"--seconds is above 0, at most 3600; --calls from 1 to {MAX_CALLS}")
    if shutil.which("ffmpeg") is None:
        parser.error("ffmpeg is not installed; it sends the calls (Debian: apt install ffmpeg)")
    extra = () if options.model is None else ("--model", options.model)
    try:
        with tempfile.TemporaryDirectory() as folder, progress_bar("calls", 1 + len(options.calls)) as advance:
            recording = Path(folder, "speech.wav")
            write_recording(recording)
            costs = []
            for calls in [0, *options.calls]:
                found = measure(calls, options.seconds, recording, extra)
                costs.append(found if not costs else against_idle(costs[0], found))
                advance()
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(json.dumps(asdict(cost)) for cost in costs) if options.json else text(costs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
