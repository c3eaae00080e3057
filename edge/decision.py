"""From raw scores to a verdict: pure state machines, tested without a model.

`FileDecider` decides on a recording at its end, `LiveDecider` on a live stream after every chunk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.contract import Contract, OperatingPoint

VERDICTS = ("bonafide", "spoof", "uncertain", "too_short", "no_speech", "silenced")


@dataclass(frozen=True)
class RawScore:
    """The model's output for one chunk.

    Attributes
    ----------
    start, end : position of the chunk in samples from the start of the stream (``end`` excluded).
    value : log-odds of the running statistics, uncalibrated; higher = more bona fide.
    speech_frames : weight of speech in this chunk, from 0 to the frames of a chunk.
    """

    start: int
    end: int
    value: float
    speech_frames: float


@dataclass(frozen=True)
class TimelinePoint:
    """The running score at the end of one chunk; ``cm_score`` is None until there is enough speech."""

    start_s: float
    end_s: float
    speech_s: float
    cm_score: float | None
    p_bonafide: float | None
    verdict: str


@dataclass(frozen=True)
class SpoofPassage:
    """A part of a recording that, alone, was judged spoof: neighbouring spans of such speech as one.

    Attributes
    ----------
    start_s, end_s : where its speech begins and ends in the recording.
    cm_score : the lowest score of its spans, in nats.
    """

    start_s: float
    end_s: float
    cm_score: float


@dataclass(frozen=True)
class Decision:
    """The verdict on a whole recording.

    Attributes
    ----------
    cm_score : calibrated log-likelihood ratio in nats, higher = more bona fide; None where there is no score.
    p_bonafide : the same as a probability at even odds, in [0, 1].
    speech_s : seconds of speech that was scored.
    spoof_s : seconds of speech inside the spans that, alone, were judged spoof.
    timeline : the score over time, empty unless asked for.
    spoof_passages : where those spans are, in order; of more than 20 passages the 20 that score lowest.
    """

    verdict: str
    cm_score: float | None
    p_bonafide: float | None
    speech_s: float
    spoof_s: float
    timeline: tuple[TimelinePoint, ...] = ()
    spoof_passages: tuple[SpoofPassage, ...] = ()


def probability(cm_score: float) -> float:
    """Probability of bona fide at even prior odds: the logistic of a log-likelihood ratio."""
    odds = math.exp(-abs(cm_score))
    return (1.0 if cm_score >= 0 else odds) / (1.0 + odds)


def calibrated(raw_score: RawScore, contract: Contract) -> float:
    """``cm_score`` of a chunk: its raw score as a log-likelihood ratio in nats."""
    return contract.calibration_scale * raw_score.value + contract.calibration_offset


def score_verdict(cm_score: float, contract: Contract) -> str:
    """``spoof``, ``bonafide`` or, between the two thresholds, ``uncertain``."""
    if cm_score < contract.thresholds.spoof_below:
        return "spoof"
    return "bonafide" if cm_score > contract.thresholds.bonafide_above else "uncertain"


class _SpoofPassages:
    """Merge spans that were judged spoof, in constant memory: of many passages it keeps those that score lowest."""

    MOST = 20

    def __init__(self) -> None:
        self._kept: list[SpoofPassage] = []
        self._open: SpoofPassage | None = None

    def add(self, start_s: float, end_s: float, cm_score: float, *, spoof: bool) -> None:
        """Add the next span."""
        if not spoof:
            self._close()
        elif self._open is None:
            self._open = SpoofPassage(start_s, end_s, cm_score)
        else:
            self._open = SpoofPassage(self._open.start_s, end_s, min(self._open.cm_score, cm_score))

    def flush(self) -> tuple[SpoofPassage, ...]:
        """End the recording; return the passages in the order of time."""
        self._close()
        return tuple(sorted(self._kept, key=lambda passage: passage.start_s))

    def _close(self) -> None:
        if self._open is not None:
            self._kept = sorted([*self._kept, self._open], key=lambda passage: passage.cm_score)[: self.MOST]
            self._open = None


class FileDecider:
    """Decide on a recording from its raw scores, in constant memory (but for the timeline, where it is kept).

    The running statistics of the model look back about ``forgetting_s`` seconds of speech. So a recording is cut into
    spans of that much speech, each scored by the raw score at its end; the score of the recording is the
    speech-weighted mean of its spans. A recording shorter than one span is judged by its last raw score.

    A span is spoof by its own score. The raw score at its end still holds a third of the speech before it, which is
    taken out as if scores were means with the weights of the statistics. So a fake voice of two spans, wherever it
    begins after a real one, fills a span that is judged without the real one.
    """

    def __init__(self, contract: Contract, *, keep_timeline: bool = False) -> None:
        self.contract, self.keep_timeline = contract, keep_timeline
        self._span_s = contract.forgetting_s or math.inf
        self._speech_s = self._span_speech_s = self._spoof_s = 0.0
        self._spans_s = self._weighted = 0.0
        self._span_start = self._span_end = 0
        self._before = self._before_weight = 0.0
        self._last: float | None = None
        self._timeline: list[TimelinePoint] = []
        self._spoof_passages = _SpoofPassages()

    def add(self, raw_score: RawScore) -> None:
        """Add the raw score of the next chunk."""
        speech_s = raw_score.speech_frames / self.contract.frontend.frames_per_s
        if speech_s > 0:
            self._span_start = self._span_start if self._span_speech_s else raw_score.start
            self._span_end = raw_score.end
        self._speech_s += speech_s
        self._span_speech_s += speech_s
        if speech_s > 0 or self._last is None:
            self._last = calibrated(raw_score, self.contract)
        if self.keep_timeline:
            self._timeline.append(self._point(raw_score, speech_s))
        if self._span_speech_s >= self._span_s:
            self._close_span()

    def decide(self, *, all_zero: bool) -> Decision:
        """Decide on the whole recording.

        Parameters
        ----------
        all_zero : every sample was exactly zero, so the platform withheld the audio.
        """
        verdict = self._verdict_without_score(all_zero)
        timeline = tuple(self._timeline)
        if verdict is not None:
            return Decision(verdict, None, None, self._speech_s, 0.0, timeline)
        if self._spans_s == 0.0 or self._span_speech_s >= self.contract.min_speech_s:
            self._close_span()
        cm_score = self._weighted / self._spans_s
        return Decision(
            score_verdict(cm_score, self.contract),
            cm_score,
            probability(cm_score),
            self._speech_s,
            self._spoof_s,
            timeline,
            self._spoof_passages.flush(),
        )

    def _verdict_without_score(self, all_zero: bool) -> str | None:
        if all_zero:
            return "silenced"
        if self._speech_s < self.contract.no_speech_s:
            return "no_speech"
        return "too_short" if self._speech_s < self.contract.min_speech_s else None

    def _close_span(self) -> None:
        if self._last is None:
            raise ValueError("a span cannot end before its first raw score")
        self._weighted += self._span_speech_s * self._last
        self._spans_s += self._span_speech_s
        own = self._own_score(self._last)
        spoof = score_verdict(own, self.contract) == "spoof"
        if spoof:
            self._spoof_s += self._span_speech_s
        rate = self.contract.frontend.sample_rate
        self._spoof_passages.add(self._span_start / rate, self._span_end / rate, own, spoof=spoof)
        self._span_speech_s = 0.0

    def _own_score(self, cm_score: float) -> float:
        """Score of the span that ends with ``cm_score``, without the speech before it.

        A rest shorter than a span gains too little weight for that; it keeps ``cm_score``.
        """
        if self._span_speech_s < self._span_s:
            return cm_score
        kept = self._before_weight * math.exp(-self._span_speech_s / self._span_s)
        gained = -math.expm1(-self._span_speech_s / self._span_s)
        own = cm_score + kept / gained * (cm_score - self._before)
        self._before, self._before_weight = cm_score, kept + gained
        return own

    def _point(self, raw_score: RawScore, speech_s: float) -> TimelinePoint:
        rate = self.contract.frontend.sample_rate
        known = self._speech_s >= self.contract.min_speech_s and self._last is not None
        cm_score = self._last if known else None
        return TimelinePoint(
            start_s=raw_score.start / rate,
            end_s=raw_score.end / rate,
            speech_s=speech_s,
            cm_score=cm_score,
            p_bonafide=None if cm_score is None else probability(cm_score),
            verdict=score_verdict(cm_score, self.contract) if cm_score is not None else "too_short",
        )


@dataclass(frozen=True)
class LiveState:
    """The state of a live stream after one chunk.

    Attributes
    ----------
    end : position in samples, at the model's rate, up to which the stream was scored.
    speech_s : seconds of speech so far that were scored.
    cm_score : the smoothed log-likelihood ratio in nats, higher = more bona fide; None until there is enough speech.
    p_bonafide : the same as a probability at even odds, in [0, 1].
    verdict : one of `VERDICTS`.
    alarm : this chunk raised an alarm.
    """

    end: int
    speech_s: float
    cm_score: float | None
    p_bonafide: float | None
    verdict: str
    alarm: bool = False


class SequentialTest:
    """Two bounds and a hold on smoothed scores.

    Parameters
    ----------
    point : its bounds in nats, its hold in seconds of speech.
    """

    def __init__(self, point: OperatingPoint) -> None:
        self.point = point
        self.spoof = False
        """From the score that enters the alarm to the one that leaves it."""
        self._below_s = 0.0

    def enter(self, cm_score: float, speech_s: float) -> bool:
        """Add the smoothed score after ``speech_s`` more seconds of speech; whether it enters the alarm."""
        self._below_s = self._below_s + speech_s if cm_score < self.point.enter_below else 0.0
        if self.spoof:
            self.spoof = cm_score <= self.point.leave_above
            return False
        self.spoof = self._below_s > 0.0 and self._below_s >= self.point.hold_s
        return self.spoof


class Cooldown:
    """Let one alarm pass, then none for ``seconds`` of the stream."""

    def __init__(self, seconds: float, sample_rate: int) -> None:
        self._samples = round(seconds * sample_rate)
        self._quiet_until = 0

    def pass_at(self, end: int) -> bool:
        """Whether an alarm at position ``end`` passes."""
        if end < self._quiet_until:
            return False
        self._quiet_until = end + self._samples
        return True


class _Smoothed:
    """The average of an operating point over speech, and its sequential test."""

    def __init__(self, point: OperatingPoint, contract: Contract) -> None:
        self.test = SequentialTest(point)
        self._smoothing_s = point.smoothing_s
        self._min_speech_s = max(point.min_speech_s, contract.min_speech_s)
        self._speech_s = self._weight = self._weighted = 0.0

    def add(self, cm_score: float, speech_s: float) -> bool:
        """Average the score of a chunk in; whether it enters the alarm."""
        kept = math.exp(-speech_s / self._smoothing_s) if self._smoothing_s and speech_s else float(not speech_s)
        # What a weight falls to over the chunk, it gained before: a constant score gives itself, however it is cut.
        gained = 1.0 - kept
        self._weight = kept * self._weight + gained
        self._weighted = kept * self._weighted + gained * cm_score
        self._speech_s += speech_s
        smoothed = self.cm_score
        return smoothed is not None and speech_s > 0 and self.test.enter(smoothed, speech_s)

    @property
    def cm_score(self) -> float | None:
        """The average, None until there is enough speech."""
        if self._speech_s < self._min_speech_s or not self._weight:
            return None
        return self._weighted / self._weight


class LiveDecider:
    """A sequential test on one live stream, in constant memory.

    ``cm_score`` is averaged over speech with weights that fall off exponentially, and that average alone is compared:
    below ``enter_below`` for ``hold_s`` of speech it raises the alarm, above ``leave_above`` it ends the verdict. The
    two bounds lie apart, so that a score at the bound does not flicker.

    Operating points keep their order: a point also alarms wherever a stricter point of the contract (one that stands
    after it) alarms, or has alarmed within its cooldown before.

    Parameters
    ----------
    contract : of the model that gives the raw scores.
    point : one of its operating points, or another, which then decides alone.
    """

    SILENCED_AFTER_S = 2.0
    """Seconds of exact zeros that count as audio withheld by the platform: a real microphone has noise."""
    MAX_LOST_SHARE = 0.25
    """A chunk of which more was lost is not scored: what fills the gap is not speech."""

    def __init__(self, contract: Contract, point: OperatingPoint) -> None:
        self.contract, self.point = contract, point
        self._speech_s = self._zero_s = 0.0
        self._tests = [_Smoothed(each, contract) for each in (point, *contract.stricter_points(point))]
        self._cooldown = Cooldown(point.cooldown_s, contract.frontend.sample_rate)

    def add(self, raw_score: RawScore, *, all_zero: bool = False, lost_share: float = 0.0) -> LiveState:
        """Add the raw score of the next chunk; return the state after it.

        Parameters
        ----------
        raw_score : of `edge.stream.StreamScorer`.
        all_zero : every sample of the chunk arrived and is exactly zero.
        lost_share : share of its samples that did not arrive, in [0, 1].
        """
        rate = self.contract.frontend.sample_rate
        self._zero_s = self._zero_s + (raw_score.end - raw_score.start) / rate if all_zero else 0.0
        scored = not all_zero and lost_share <= self.MAX_LOST_SHARE
        alarm = scored and self._average(raw_score) and self._cooldown.pass_at(raw_score.end)
        cm_score = self._smoothed()
        return LiveState(
            end=raw_score.end,
            speech_s=self._speech_s,
            cm_score=cm_score,
            p_bonafide=None if cm_score is None else probability(cm_score),
            verdict=self._verdict(cm_score),
            alarm=alarm,
        )

    def _average(self, raw_score: RawScore) -> bool:
        """Add a chunk to every test; whether any enters its alarm."""
        speech_s = raw_score.speech_frames / self.contract.frontend.frames_per_s
        cm_score = calibrated(raw_score, self.contract)
        self._speech_s += speech_s
        entered = [each.add(cm_score, speech_s) for each in self._tests]
        return any(entered)

    def _smoothed(self) -> float | None:
        """The score of the test that is in alarm, or of the first that has one: what is smoothed is what fires."""
        alarmed = [each for each in self._tests if each.test.spoof]
        return next((each.cm_score for each in alarmed or self._tests if each.cm_score is not None), None)

    def _verdict(self, cm_score: float | None) -> str:
        if self._zero_s >= self.SILENCED_AFTER_S:
            return "silenced"
        if self._speech_s < self.contract.no_speech_s:
            return "no_speech"
        if cm_score is None:
            return "too_short"
        if any(each.test.spoof for each in self._tests):
            return "spoof"
        return "bonafide" if cm_score > self.contract.thresholds.bonafide_above else "uncertain"
