"""Prometheus metrics of live listening: what is measured, and a port that is off unless asked for.

The names of streams are identities of calls, new ones each time. So a stream gets a slot, a small number that the next
stream reuses: series stay few, and nothing ties one to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from edge.decision import VERDICTS, LiveState
from edge.errors import ConfigError, EdgeError

try:
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
except ModuleNotFoundError as error:
    raise ConfigError(
        "metrics: the package prometheus_client is not installed; run: pip install 'bonafone[serve]'"
    ) from error

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
    """A collector of Prometheus, written by the listening thread and read by the server's threads.

    Parameters
    ----------
    deliveries : returns the outbox' number of deliveries by (channel, state); called in a thread of the server's.
    """

    def __init__(self, deliveries: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._deliveries = deliveries
        self._lock = Lock()
        self._streams: dict[str, _Stream] = {}
        self._ended = self._chunks = 0
        self._speech_s = 0.0
        self._alarms: Counter[str] = Counter()
        self._source: dict[str, int] = {}

    def update(
        self, stream: str, state: LiveState, *, lag_s: float | None, realtime_factor: float, level_db: float
    ) -> None:
        """Record the state after one chunk.

        Parameters
        ----------
        stream : its name within the source; it is never shown.
        lag_s : seconds by which the decision is behind the audio; None where nothing can lag.
        realtime_factor : seconds of computing for one second of audio.
        level_db : level in dB of full scale; minus infinity for exact silence.
        """
        with self._lock:
            known = self._streams.get(stream)
            taken = {other.slot for other in self._streams.values()}
            slot = None if known is None else known.slot
            if slot is None:
                slot = next((free for free in range(MAX_SLOTS) if free not in taken), None)
            self._speech_s += max(0.0, state.speech_s - (0.0 if known is None else known.state.speech_s))
            self._chunks += 1
            self._streams[stream] = _Stream(slot, state, lag_s, realtime_factor, level_db)

    def count_alarm(self, kind: str) -> None:
        """Count an alarm of a kind of `edge.alerts.event.KINDS`."""
        with self._lock:
            self._alarms[kind] += 1

    def source_counts(self, counts: Mapping[str, int]) -> None:
        """Record the source's totals so far, `edge.sources.events.Source.counts`."""
        with self._lock:
            self._source.update(counts)

    def end(self, stream: str) -> None:
        """Forget a stream and free its slot; one that never had a state counts as well."""
        with self._lock:
            self._streams.pop(stream, None)
            self._ended += 1

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; the outbox' are missing while it cannot be read."""
        with self._lock:
            families = [*self._totals(), *self._slots()]
        yield from families
        try:
            counts = self._deliveries()
        except EdgeError:
            return
        # A gauge, since pruning removes old deliveries.
        what = "Deliveries in the outbox by channel and state."
        yield _filled(GaugeMetricFamily("bonafone_alert_deliveries", what, labels=["channel", "state"]), counts)

    def _totals(self) -> Iterator[Metric]:
        verdicts = Counter(stream.state.verdict for stream in self._streams.values())
        streams = {verdict: verdicts[verdict] for verdict in VERDICTS}
        yield _filled(GaugeMetricFamily("bonafone_streams", "Open streams by verdict.", labels=["verdict"]), streams)
        yield CounterMetricFamily("bonafone_streams_ended", "Streams that ended.", self._ended)
        yield CounterMetricFamily("bonafone_chunks", "Chunks of audio that were scored.", self._chunks)
        yield CounterMetricFamily("bonafone_speech_seconds", "Speech that was scored, in seconds.", self._speech_s)
        yield _filled(CounterMetricFamily("bonafone_alarms", "Alarms by kind.", labels=["kind"]), self._alarms)
        counts = CounterMetricFamily("bonafone_source_events", "What the source counts.", labels=["what"])
        yield _filled(counts, self._source)

    def _slots(self) -> Iterator[Metric]:
        values: list[tuple[str, str, Callable[[_Stream], float | None]]] = [
            ("lag_seconds", "How far the decision is behind the audio.", lambda one: one.lag_s),
            ("realtime_factor", "Seconds of computing for one of audio.", lambda one: one.realtime_factor),
            ("level_dbfs", "Level in dB of full scale.", lambda one: one.level_db),
            ("cm_score", "Smoothed log-likelihood ratio in nats, higher is bona fide.", lambda one: one.state.cm_score),
        ]
        slotted = [stream for stream in self._streams.values() if stream.slot is not None]
        for name, what, value_of in values:
            found = {str(one.slot): value for one in slotted if (value := value_of(one)) is not None}
            yield _filled(GaugeMetricFamily(f"bonafone_{name}", what, labels=["slot"]), found)


@contextmanager
def serve(metrics: LiveMetrics, port: int, *, host: str = "127.0.0.1") -> Iterator[int]:
    """Answer Prometheus at a port in this block, which gets its number; 0 takes a free one.

    Parameters
    ----------
    host : this machine alone unless asked, since the page shows when calls happen.

    Raises
    ------
    ConfigError
        The port cannot be taken.
    """
    # A registry of our own: the library's global one adds facts about this process.
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"metrics: {host}:{port} cannot be listened on ({error}); give another port") from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_Family = GaugeMetricFamily | CounterMetricFamily


def _filled(family: _Family, samples: Mapping[Any, float]) -> _Family:
    """Add samples by the value of their label, or the tuple of several."""
    for labels, value in sorted(samples.items()):
        family.add_metric(labels if isinstance(labels, tuple) else [labels], value)
    return family
