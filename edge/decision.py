"""From evidence to a verdict: pure, and apart from the model, so that it is tested without one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.contract import Contract
from edge.runtime import Evidence

VERDICTS = ("bonafide", "spoof", "uncertain", "too_short", "no_speech", "silenced")


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
class Decision:
    """The verdict on a whole recording.

    Attributes
    ----------
    cm_score : calibrated log-likelihood ratio in nats, higher = more bona fide; None where there is no score.
    p_bonafide : the same as a probability at even odds, in [0, 1].
    speech_s : seconds of speech that carried evidence.
    spoof_s : seconds of speech inside the spans that, alone, were judged spoof.
    """

    verdict: str
    cm_score: float | None
    p_bonafide: float | None
    speech_s: float
    spoof_s: float
    timeline: tuple[TimelinePoint, ...]


def probability(cm_score: float) -> float:
    """Probability of bona fide at even prior odds: the logistic of a log-likelihood ratio."""
    if cm_score >= 0:
        return 1.0 / (1.0 + math.exp(-cm_score))
    return math.exp(cm_score) / (1.0 + math.exp(cm_score))


def score_verdict(cm_score: float, contract: Contract) -> str:
    """``spoof``, ``bonafide`` or, between the two thresholds, ``uncertain``."""
    if cm_score < contract.thresholds.spoof_below:
        return "spoof"
    return "bonafide" if cm_score > contract.thresholds.bonafide_above else "uncertain"


class FileDecider:
    """Gathers a recording's evidence in constant memory, but for the timeline when that is asked for.

    The running statistics look back about ``forgetting_s`` seconds of speech. So a recording is read as spans of
    that much speech, each judged by the evidence at its end, and its score is their speech-weighted mean; a
    recording shorter than one span is judged by its last evidence, which has seen all of it.
    """

    def __init__(self, contract: Contract, *, keep_timeline: bool = False) -> None:
        self.contract, self.keep_timeline = contract, keep_timeline
        self._span_s = contract.forgetting_s or math.inf
        self._speech_s = self._span_speech_s = self._spoof_s = 0.0
        self._spans_s = self._weighted = 0.0
        self._last: float | None = None
        self._timeline: list[TimelinePoint] = []

    def add(self, evidence: Evidence) -> None:
        """Take the evidence of the next chunk."""
        contract = self.contract
        speech_s = evidence.speech_frames / contract.frontend.frames_per_s
        self._speech_s += speech_s
        self._span_speech_s += speech_s
        if speech_s > 0 or self._last is None:
            self._last = contract.calibration_scale * evidence.value + contract.calibration_offset
        if self.keep_timeline:
            self._timeline.append(self._point(evidence, speech_s))
        if self._span_speech_s >= self._span_s:
            self._close_span()

    def decide(self, *, all_zero: bool) -> Decision:
        """End the recording. ``all_zero``: every sample was exactly zero, so the platform withheld the audio."""
        verdict = self._evidence_missing(all_zero)
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
        )

    def _evidence_missing(self, all_zero: bool) -> str | None:
        if all_zero:
            return "silenced"
        if self._speech_s < self.contract.no_speech_s:
            return "no_speech"
        return "too_short" if self._speech_s < self.contract.min_speech_s else None

    def _close_span(self) -> None:
        if self._last is None:
            raise ValueError("a span cannot end before any evidence came")
        self._weighted += self._span_speech_s * self._last
        self._spans_s += self._span_speech_s
        if score_verdict(self._last, self.contract) == "spoof":
            self._spoof_s += self._span_speech_s
        self._span_speech_s = 0.0

    def _point(self, evidence: Evidence, speech_s: float) -> TimelinePoint:
        rate = self.contract.frontend.sample_rate
        known = self._speech_s >= self.contract.min_speech_s and self._last is not None
        cm_score = self._last if known else None
        return TimelinePoint(
            start_s=evidence.start / rate,
            end_s=evidence.end / rate,
            speech_s=speech_s,
            cm_score=cm_score,
            p_bonafide=None if cm_score is None else probability(cm_score),
            verdict=score_verdict(cm_score, self.contract) if cm_score is not None else "too_short",
        )
