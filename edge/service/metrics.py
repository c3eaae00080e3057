"""Prometheus metrics of live listening: what is measured, and a port that is off unless asked for.

The names of streams are identities of calls, new ones each time. So a stream gets a slot, a small number that the next
stream reuses: series stay few, and nothing ties one to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import Self

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
        self._sources: dict[str, int] = {}

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
            slot = self._free_slot() if known is None or known.slot is None else known.slot
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
            self._sources.update(counts)

    def end(self, stream: str) -> None:
        """Forget a stream and free its slot; one that never had a state counts as well."""
        with self._lock:
            self._streams.pop(stream, None)
            self._ended += 1

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; the outbox' are missing while it cannot be read."""
        with self._lock:
            yield from (*self._totals(), *self._slots())
        try:
            counts = sorted(self._deliveries().items())
        except EdgeError:
            return
        # A gauge, since pruning removes old deliveries.
        what = "Deliveries in the outbox by channel and state."
        family = GaugeMetricFamily("bonafone_alert_deliveries", what, labels=["channel", "state"])
        for labels, count in counts:
            family.add_metric(labels, count)
        yield family

    def _free_slot(self) -> int | None:
        taken = {stream.slot for stream in self._streams.values()}
        return next((slot for slot in range(MAX_SLOTS) if slot not in taken), None)

    def _totals(self) -> Iterator[Metric]:
        verdicts = Counter(stream.state.verdict for stream in self._streams.values())
        streams = GaugeMetricFamily("bonafone_streams", "Streams that are heard now, by verdict.", labels=["verdict"])
        for verdict in VERDICTS:
            streams.add_metric([verdict], verdicts[verdict])
        yield streams
        yield CounterMetricFamily("bonafone_streams_ended", "Streams that ended.", self._ended)
        yield CounterMetricFamily("bonafone_chunks", "Chunks of audio that were judged.", self._chunks)
        yield CounterMetricFamily("bonafone_speech_seconds", "Speech that was scored, in seconds.", self._speech_s)
        for name, what, label, counts in (
            ("bonafone_alarms", "Alarms by kind.", "kind", self._alarms),
            ("bonafone_source_events", "What the source counts.", "what", self._sources),
        ):
            family = CounterMetricFamily(name, what, labels=[label])
            for key, count in sorted(counts.items()):
                family.add_metric([key], count)
            yield family

    def _slots(self) -> Iterator[Metric]:
        score = "Smoothed log-likelihood ratio in nats, higher is more bona fide; missing without enough speech."
        values: list[tuple[str, str, Callable[[_Stream], float | None]]] = [
            ("bonafone_lag_seconds", "How far the decision is behind the audio.", lambda one: one.lag_s),
            ("bonafone_realtime_factor", "Computing for one second of audio, in s.", lambda one: one.realtime_factor),
            ("bonafone_level_dbfs", "Level in dB of full scale.", lambda one: one.level_db),
            ("bonafone_cm_score", score, lambda one: one.state.cm_score),
        ]
        for name, what, value_of in values:
            family = GaugeMetricFamily(name, what, labels=["slot"])
            for stream in self._streams.values():
                if stream.slot is not None and (value := value_of(stream)) is not None:
                    family.add_metric([str(stream.slot)], value)
            yield family


class MetricsServer:
    """Answers Prometheus at one port; a context manager.

    Parameters
    ----------
    port : 0 takes a free one; the attribute `port` names it.
    host : this machine alone unless asked, since the page shows when calls happen.

    Raises
    ------
    ConfigError
        The port cannot be taken.
    """

    def __init__(self, metrics: LiveMetrics, port: int, *, host: str = "127.0.0.1") -> None:
        # A registry of our own: the library's global one adds facts about this process.
        registry = CollectorRegistry()
        registry.register(metrics)
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=registry)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"metrics: {host}:{port} cannot be listened on ({error}); give another port") from error
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
