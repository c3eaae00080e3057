"""A phone that notes what it is asked for, a clock that tests turn, two recordings and the threshold between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from android_bridge.errors import PortError
from edge.audio.reading import open_audio
from edge.contract import OperatingPoint

EXAMPLES = Path(__file__).parents[2] / "examples"
BONAFIDE, SPOOF = EXAMPLES / "bonafide-telephone.wav", EXAMPLES / "spoof-flite.mp3"
# Laid between the scores of these two examples, about +2 and -2 nats. The shipped model has weak scores on others, and
# these tests ask whether audio, verdicts and alarms find their way, never how well the model judges.
POINT = OperatingPoint(
    "test", smoothing_s=4.0, enter_below=-0.5, leave_above=0.5, min_speech_s=1.5, hold_s=1.0, cooldown_s=60.0
)
PIECE_S = 0.02


class Clock:
    """Seconds, as far as the test has turned them."""

    def __init__(self):
        self.now_s = 1000.0

    def monotonic(self):
        return self.now_s


class Phone:
    """Vibrator and notifications."""

    def __init__(self):
        self.buzzes, self.notices, self.cancelled, self.broken = [], [], 0, False

    def buzz(self, pattern):
        if self.broken:
            raise PortError("the vibrator failed: no motor")
        self.buzzes.append(pattern)

    def cancel(self):
        self.cancelled += 1

    def show(self, notice):
        self.notices.append(notice)

    @property
    def kinds(self):
        return [notice["kind"] for notice in self.notices]


def pcm16(path):
    """PCM16 mono of a recording, and its rate."""
    with open_audio(path) as audio:
        samples = np.concatenate([block.mean(axis=1) for block in audio])
        return (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes(), audio.sample_rate


def pieces(data, sample_rate):
    """The bytes in pieces of 20 ms."""
    step = 2 * round(sample_rate * PIECE_S)
    return [data[start : start + step] for start in range(0, len(data), step)]


def push(guard, clock, data, sample_rate, *, silenced=False):
    """Push in pieces of 20 ms while the clock goes on with them; return every answer."""
    answers = []
    for piece in pieces(data, sample_rate):
        clock.now_s += PIECE_S
        answers.append(guard.push_pcm16(piece, sample_rate, silenced))
    return answers
