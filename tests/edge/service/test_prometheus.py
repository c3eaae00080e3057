"""Metrics, in the form that Prometheus documents."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest

from edge.alerts.errors import AlertConfigError, AlertError, OutboxError
from edge.service.metrics import CONTENT_TYPE, Family, MetricsServer, Sample, delivery_families, render


def test_a_page_has_the_documented_form():
    """The escapes and special values of the documentation's own example, in the text format 0.0.4."""
    page = render(
        [
            Family("http_requests_total", "The total number of HTTP requests.", "counter", (
                Sample(1027, (("method", "post"), ("code", "200"))), Sample(3, (("method", "post"), ("code", "400"))),
            )),
            Family("msdos_file_access_time_seconds", "", "gauge", (
                Sample(1.458255915e9, (("path", "C:\\DIR\\FILE.TXT"), ("error", 'Cannot find file:\n"FILE.TXT"'))),
            )),
            Family("something_weird", "a \\ and\na line", "gauge", (
                Sample(float("inf"), (("problem", "division by zero"),)), Sample(float("nan")), Sample(-3.5e-9, (("a", "b"),)),
            )),
        ]
    )  # fmt: skip
    assert page.splitlines() == [
        "# HELP http_requests_total The total number of HTTP requests.",
        "# TYPE http_requests_total counter",
        'http_requests_total{method="post",code="200"} 1027',
        'http_requests_total{method="post",code="400"} 3',
        "# HELP msdos_file_access_time_seconds ",
        "# TYPE msdos_file_access_time_seconds gauge",
        'msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1458255915',
        "# HELP something_weird a \\\\ and\\na line",
        "# TYPE something_weird gauge",
        'something_weird{problem="division by zero"} +Inf',
        "something_weird NaN",
        'something_weird{a="b"} -3.5e-09',
    ]
    assert page.endswith("\n")


def test_the_outbox_is_counted_by_channel_and_state(outbox, event):
    outbox.publish(event, {"webhook": 60.0, "gpio": 60.0})
    outbox.succeeded(outbox.claim("gpio", lease_s=20.0))
    lines = render(delivery_families(outbox.counts())).splitlines()[2:]
    assert lines == [
        'bonafone_alert_deliveries{channel="gpio",state="done"} 1',
        'bonafone_alert_deliveries{channel="webhook",state="pending"} 1',
    ]


@pytest.mark.parametrize(
    ("name", "kind", "label"), [("1a", "gauge", "a"), ("a-b", "gauge", "a"), ("a", "thing", "a"), ("a", "gauge", "__a")]
)
def test_what_prometheus_would_refuse_is_refused_here(name, kind, label):
    with pytest.raises(AlertError, match=f"metric '{name}' of kind '{kind}'"):
        Family(name, "", kind, (Sample(1, ((label, "x"),)),))


def test_the_same_labels_twice_are_refused():
    with pytest.raises(AlertError, match="two samples have the same labels"):
        Family("a", "", "gauge", (Sample(1, (("x", "1"), ("y", "2"))), Sample(2, (("y", "2"), ("x", "1")))))


def get(server, path="/metrics"):
    return urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5)


def test_the_port_answers_with_the_page():
    with MetricsServer(lambda: "a 1\n", 0) as server, get(server) as answer:
        assert answer.headers["Content-Type"] == CONTENT_TYPE
        assert re.fullmatch(r"text/plain; version=0\.0\.4; charset=utf-8", CONTENT_TYPE)
        assert answer.read() == b"a 1\n"


def test_it_answers_nothing_else_and_says_when_the_outbox_cannot_be_read():
    def broken():
        raise OutboxError("disk full")

    with MetricsServer(broken, 0) as server:
        for path, status in (("/", 404), ("/metrics/../etc", 404), ("/metrics", 503)):
            with pytest.raises(urllib.error.HTTPError) as caught:
                get(server, path)
            assert caught.value.code == status
            caught.value.close()


def test_a_taken_port_is_explained():
    with (
        MetricsServer(lambda: "", 0) as first,
        pytest.raises(AlertConfigError, match=rf"metrics: 127.0.0.1:{first.port} cannot be listened on .*another port"),
    ):
        MetricsServer(lambda: "", first.port)
