"""Prometheus metrics: rendering, pure, and a small port that is off unless asked for.

Source: Prometheus documentation, "Exposition formats", text format 0.0.4; names after "Metric and label naming".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType

from edge.alerts.errors import AlertConfigError, AlertError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_KINDS = ("counter", "gauge")


@dataclass(frozen=True)
class Sample:
    """One value with its labels."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Family:
    """All samples of one metric; ``kind`` is ``counter`` (only grows, named ``…_total``) or ``gauge``.

    Raises
    ------
    AlertError
        A name or kind that Prometheus would refuse, or the same labels twice.
    """

    name: str
    help: str
    kind: str
    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        labels = [name for sample in self.samples for name, _ in sample.labels]
        wrong = [name for name in labels if not _LABEL.fullmatch(name)]
        if not _METRIC.fullmatch(self.name) or self.kind not in _KINDS or wrong:
            raise AlertError(
                f"metric {self.name!r} of kind {self.kind!r} with labels {wrong or labels}: expected letters, digits "
                f"and _ in names, and a kind of {' or '.join(_KINDS)}"
            )
        if len({tuple(sorted(sample.labels)) for sample in self.samples}) < len(self.samples):
            raise AlertError(
                f"metric {self.name!r}: two samples have the same labels; Prometheus refuses the whole page"
            )


def delivery_families(counts: Mapping[tuple[str, str], int]) -> list[Family]:
    """Metrics of `Outbox.counts`. Gauges, since pruning takes old deliveries away again."""
    samples = tuple(
        Sample(count, (("channel", channel), ("state", state))) for (channel, state), count in sorted(counts.items())
    )
    name = "bonafone_alert_deliveries"
    return [Family(name, "Deliveries in the outbox by channel and state.", "gauge", samples)]


def render(families: Sequence[Family]) -> str:
    """The page that Prometheus reads; ends with a line feed, as it must."""
    lines = []
    for family in families:
        lines.append(f"# HELP {family.name} {_escape(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [f"{family.name}{_labels(sample.labels)} {_number(sample.value)}" for sample in family.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Sequence[tuple[str, str]]) -> str:
    if not labels:
        return ""
    return "{" + ",".join('{}="{}"'.format(name, _escape(value).replace('"', '\\"')) for name, value in labels) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


class MetricsServer:
    """Answers ``GET /metrics`` with ``collect()``; a context manager.

    Parameters
    ----------
    collect : makes the page, in a thread of the server's: it opens its own outbox.
    port : 0 takes a free one; `port` tells which.
    host : 127.0.0.1 unless asked, since the page tells when calls happen.

    Raises
    ------
    AlertConfigError
        The port cannot be taken.
    """

    def __init__(self, collect: Callable[[], str], port: int, *, host: str = "127.0.0.1") -> None:
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(collect))
        except (OSError, OverflowError) as error:
            raise AlertConfigError(
                f"metrics: {host}:{port} cannot be listened on ({error}); give another port"
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(collect: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404, "only /metrics is here")
                return
            try:
                page = collect().encode()
            except AlertError:
                self.send_error(503, "the outbox cannot be read now")
                return
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Keep quiet: a scrape each few seconds is no news."""

    return Handler
