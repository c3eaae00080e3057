"""Hours of audio through one `edge listen`, faster than real time: memory that grows, positions that drift, audio lost.

The examples, one after another at drawn levels, go into its standard input as fast as it takes them. Its memory is
looked at all the while; what it says of its position is compared with what was put in, to the sample at the end.
Exit code 1: one of the three is not as it should be.

Example: python tools/soak.py --hours 8
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import Lock, Thread
from typing import Any

from edge_process import EdgeListen
from example_speech import speech_pcm16

from edge.errors import EdgeError

RATE = 16000
WARM_UP_SHARE = 0.1
"""Of the audio, and at most `WARM_UP_S` of it: then every buffer has been full once."""
WARM_UP_S = 1800.0
MAX_GROWTH_MB = 5.0
_ROUNDING_S = 1e-5
_END_S, _PATIENCE_S = 120.0, 120.0


@dataclass(frozen=True)
class Soak:
    """What was seen.

    Attributes
    ----------
    fed_samples, heard_samples, lost_samples : put in; said at the end to have been heard, and to have been lost.
    speech_s : seconds of it that were judged to be speech.
    updates, alerts, troubles : lines of these kinds.
    misplaced : updates that told of an earlier position than the one before, or of audio that was not put in yet.
    rss_start_mb, rss_max_mb, rss_end_mb : memory in 10^6 bytes after the warm-up, from there on, and at the end.
    rss_looks : how often it was looked at since the warm-up.
    wall_s : seconds that all of it took; ``cpu_s``: seconds of processor that the process used for
        it, its start left out.
    exit_status : of the process.
    """

    hours: float
    fed_samples: int
    heard_samples: int
    lost_samples: int
    speech_s: float
    updates: int
    alerts: int
    troubles: int
    misplaced: int
    rss_start_mb: float
    rss_max_mb: float
    rss_end_mb: float
    rss_looks: int
    wall_s: float
    cpu_s: float
    exit_status: int

    @property
    def faults(self) -> list[str]:
        """What is not as it should be, in words."""
        drift, growth_mb = self.heard_samples - self.fed_samples, self.rss_max_mb - self.rss_start_mb
        checks = {
            f"memory grew by {growth_mb:.1f} MB after the warm-up, more than {MAX_GROWTH_MB:g}": growth_mb
            > MAX_GROWTH_MB,
            f"the final position is {drift:+d} samples off": drift != 0,
            f"{self.lost_samples} samples were lost": self.lost_samples != 0,
            f"{self.misplaced} positions ran backwards or ahead": self.misplaced != 0,
            f"{self.troubles} lines told of trouble": self.troubles != 0,
            f"edge listen ended with {self.exit_status}": self.exit_status != 0,
        }
        return [text for text, wrong in checks.items() if wrong]


class Hearer:
    """Follows what the process says; fed by the thread that reads, asked by another."""

    def __init__(self) -> None:
        self.lines: Counter[str] = Counter()
        self.position_s = 0.0
        self.misplaced = 0
        self.fed_samples = 0
        self.last: dict[str, Any] | None = None
        self._lock = Lock()

    def feed(self, samples: int) -> None:
        """Take that so many samples more are about to be put in."""
        with self._lock:
            self.fed_samples += samples

    def hear(self, line: dict[str, Any]) -> None:
        """Take one line of `edge listen --json`."""
        with self._lock:
            self.lines[line["type"]] += 1
            if line["type"] == "update":
                position_s = line["position_s"]
                self.misplaced += not self.position_s <= position_s <= self.fed_samples / RATE + _ROUNDING_S
                self.position_s = position_s
            elif line["type"] == "end":
                self.last = line["last"]


def soak(hours: float, every_s: float, arguments: Sequence[str] = ()) -> Soak:
    """Run ``hours`` of audio through one `edge listen`, looking at its memory each ``every_s`` seconds.

    Raises
    ------
    EdgeError
        It does not start or does not end, stops taking audio, or ends before its memory was looked at.
    """
    hearer, looks = Hearer(), list[tuple[float, float]]()
    begin = time.monotonic()
    source = ("--source", "-", "--rate", str(RATE))
    with EdgeListen(*source, *arguments, hear=hearer.hear, feeds=True) as process:
        start_cpu_s = cpu_s = process.cpu_s()
        feeder = Thread(target=_feed, args=(process, round(hours * 3600 * RATE), hearer), daemon=True)
        feeder.start()
        moved_at = begin
        while feeder.is_alive() and process.running():
            feeder.join(every_s)
            moved_at = time.monotonic() if not looks or hearer.position_s > looks[-1][0] else moved_at
            if time.monotonic() - moved_at > _PATIENCE_S:
                raise EdgeError(f"edge listen takes no more audio after {hearer.position_s:.1f} s: {process.errors()}")
            looks.append((hearer.position_s, process.memory_mb()))
            cpu_s = process.cpu_s()
        status = process.finish(_END_S)
    warm = [mb for heard_s, mb in looks if heard_s >= min(WARM_UP_S, WARM_UP_SHARE * 3600 * hours)]
    if hearer.last is None or not warm:
        raise EdgeError(
            f"edge listen ended with {status} after {hearer.position_s:.1f} s of audio, and its memory was looked at "
            f"{len(warm)} times since it was warm; give more --hours or fewer --every seconds. {process.errors()}"
        )
    return Soak(
        hours=hours,
        fed_samples=hearer.fed_samples,
        heard_samples=round(hearer.last["position_s"] * RATE),
        lost_samples=round(hearer.last["lost_s"] * RATE),
        speech_s=hearer.last["speech_s"],
        updates=hearer.lines["update"],
        alerts=hearer.lines["alert"],
        troubles=hearer.lines["trouble"],
        misplaced=hearer.misplaced,
        rss_start_mb=warm[0],
        rss_max_mb=max(warm),
        rss_end_mb=warm[-1],
        rss_looks=len(warm),
        wall_s=time.monotonic() - begin,
        cpu_s=cpu_s - start_cpu_s,
        exit_status=status,
    )


def _feed(process: EdgeListen, samples: int, hearer: Hearer) -> None:
    for piece in speech_pcm16(samples, RATE):
        hearer.feed(len(piece) // 2)
        try:
            process.stdin.write(piece)
        except BrokenPipeError:
            # It ended; what it had heard by then is what is told.
            return


def text(found: Soak) -> str:
    """The result for people."""
    factor = found.cpu_s / (3600 * found.hours)
    return "\n".join(
        [
            f"{found.hours:g} h of audio in {found.wall_s:.0f} s, real-time factor {factor:.5f} of one core",
            f"samples  fed {found.fed_samples:,}  heard {found.heard_samples:,}  lost {found.lost_samples:,}",
            f"speech   {found.speech_s / 3600:.2f} h  alerts {found.alerts}",
            f"updates  {found.updates:,}  misplaced {found.misplaced}",
            f"memory   start {found.rss_start_mb:.1f} MB  max {found.rss_max_mb:.1f} MB  end {found.rss_end_mb:.1f} MB",
            f"looks    {found.rss_looks} after the warm-up",
            *(f"FAULT    {fault}" for fault in found.faults),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=8.0, help="of audio  [default: 8]")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between looks at memory  [default: 1]")
    parser.add_argument("--model", help="as `edge listen` takes it  [default: the newest shipped]")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args(arguments)
    if not (0 < options.hours <= 1000 and 0 < options.every <= 3600):
        parser.error("--hours is above 0, at most 1000; --every above 0, at most 3600")
    try:
        found = soak(options.hours, options.every, () if options.model is None else ("--model", options.model))
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(asdict(found) | {"faults": found.faults}) if options.json else text(found))
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
