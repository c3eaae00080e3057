"""What Prometheus learns of live listening: one page, without any caller in it.

The names of streams are identities of calls, new ones each time. So a stream gets a slot, a small number that the next
stream takes over: series stay few, and nothing ties one to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from edge.decision import VERDICTS, LiveState
from edge.service.metrics import Family, Sample, delivery_families, render

MAX_SLOTS = 32
"""Streams beyond are counted in the totals only."""


@dataclass
class _Stream:
    slot: int | None
    state: LiveState
    lag_s: float | None
    realtime_factor: float
    level_db: float


class LiveMetrics:
    """Gathered by the listening thread, read by the metrics server's threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._streams: dict[str, _Stream] = {}
        self._ended = self._chunks = 0
        self._speech_s = 0.0
        self._alarms: Counter[str] = Counter()
        self._sources: dict[str, int] = {}

    def update(
        self, stream: str, state: LiveState, *, lag_s: float | None, realtime_factor: float, level_db: float
    ) -> None:
        """Take the state after one chunk.

        Parameters
        ----------
        stream : its name within the source; it is never shown.
        state : of `edge.decision.LiveDecider`.
        lag_s : seconds by which the decision is behind the audio; None where nothing can lag.
        realtime_factor : seconds of computing for one second of audio.
        level_db : level in dB of full scale; minus infinity for exact silence.
        """
        with self._lock:
            known = self._streams.get(stream)
            slot = self._free_slot() if known is None or known.slot is None else known.slot
            self._speech_s += max(0.0, state.speech_s - (0.0 if known is None else known.state.speech_s))
            self._chunks += 1
            self._streams[stream] = _Stream(slot, state, lag_s, realtime_factor, level_db)

    def alarm(self, stream: str, kind: str) -> None:
        """Count an alarm of a kind of `edge.alerts.event.KINDS`; by kind alone, the stream may be a caller's."""
        with self._lock:
            self._alarms[kind] += 1

    def source_counts(self, counts: Mapping[str, int]) -> None:
        """Take the source's totals so far, `edge.sources.events.Source.counts`."""
        with self._lock:
            self._sources.update(counts)

    def ended(self, stream: str) -> None:
        """Forget a stream and free its slot; one that never had a state counts as well."""
        with self._lock:
            self._streams.pop(stream, None)
            self._ended += 1

    def page(self, outbox_counts: Mapping[tuple[str, str], int]) -> str:
        """The page in Prometheus' text format; ``outbox_counts`` of `edge.alerts.outbox.Outbox.counts`."""
        with self._lock:
            families = [*self._total_families(), *self._slot_families()]
        return render([*families, *delivery_families(outbox_counts)])

    def _free_slot(self) -> int | None:
        taken = {stream.slot for stream in self._streams.values()}
        return next((slot for slot in range(MAX_SLOTS) if slot not in taken), None)

    def _total_families(self) -> list[Family]:
        verdicts = Counter(stream.state.verdict for stream in self._streams.values())
        return [
            Family(
                "bonafone_streams",
                "Streams that are heard now, by verdict.",
                "gauge",
                tuple(Sample(verdicts[verdict], (("verdict", verdict),)) for verdict in VERDICTS),
            ),
            _counter("bonafone_streams_ended_total", "Streams that ended.", self._ended),
            _counter("bonafone_chunks_total", "Chunks of audio that were judged.", self._chunks),
            _counter("bonafone_speech_seconds_total", "Speech that was scored, in seconds.", self._speech_s),
            _by_label("bonafone_alarms_total", "Alarms by kind.", "kind", self._alarms),
            _by_label("bonafone_source_events_total", "What the source counts.", "what", self._sources),
        ]

    def _slot_families(self) -> list[Family]:
        return [
            self._gauge("bonafone_lag_seconds", "How far the decision is behind the audio.", lambda one: one.lag_s),
            self._gauge(
                "bonafone_realtime_factor",
                "Seconds of computing for one second of audio.",
                lambda one: one.realtime_factor,
            ),
            self._gauge("bonafone_level_dbfs", "Level in dB of full scale.", lambda one: one.level_db),
            self._gauge(
                "bonafone_cm_score",
                "Smoothed log-likelihood ratio in nats, higher is more bona fide; missing without enough speech.",
                lambda one: one.state.cm_score,
            ),
        ]

    def _gauge(self, name: str, what: str, value: Callable[[_Stream], float | None]) -> Family:
        slotted = sorted((stream.slot, stream) for stream in self._streams.values() if stream.slot is not None)
        samples = ((slot, value(stream)) for slot, stream in slotted)
        return Family(
            name,
            what,
            "gauge",
            tuple(Sample(found, (("slot", str(slot)),)) for slot, found in samples if found is not None),
        )


def _counter(name: str, what: str, value: float) -> Family:
    return Family(name, what, "counter", (Sample(value),))


def _by_label(name: str, what: str, label: str, counts: Mapping[str, int]) -> Family:
    return Family(name, what, "counter", tuple(Sample(count, ((label, key),)) for key, count in sorted(counts.items())))
