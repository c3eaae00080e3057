"""Metrics of live listening, read as Prometheus reads them."""

from __future__ import annotations

import builtins
import math
import re
import sys
import threading
import urllib.request
import uuid

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from edge.decision import VERDICTS, LiveState
from edge.errors import ConfigError, EdgeError
from edge.service.metrics import MAX_SLOTS, LiveMetrics, serve


def state(speech_s=3.0, verdict="uncertain", cm_score=-0.5):
    return LiveState(end=16000, speech_s=speech_s, cm_score=cm_score, p_bonafide=None, verdict=verdict)


def update(metrics, stream, seen=None, **values):
    metrics.update(stream, seen or state(), **{"lag_s": 0.1, "realtime_factor": 0.002, "level_db": -20.0, **values})


def page(metrics):
    registry = CollectorRegistry()
    registry.register(metrics)
    return generate_latest(registry).decode()


def samples(text):
    """Lines that are no comments, as a dict."""
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")}


@pytest.fixture
def metrics():
    return LiveMetrics(dict)


def test_the_page_shows_the_streams_and_the_outbox():
    metrics = LiveMetrics(lambda: {("webhook", "pending"): 4})
    update(metrics, "mic", state(speech_s=2.0, verdict="too_short", cm_score=None))
    update(metrics, "mic", state(speech_s=3.5, verdict="spoof", cm_score=-2.25), level_db=-31.5)
    metrics.count_alarm("spoof")
    metrics.source_counts({"overrun": 2, "dropped": 0})
    found = samples(page(metrics))
    assert sum(found[f'bonafone_streams{{verdict="{verdict}"}}'] for verdict in VERDICTS) == 1
    assert {name: found[name] for name in found if not name.startswith("bonafone_streams{")} == {
        "bonafone_streams_ended_total": 0,
        "bonafone_chunks_total": 2,
        "bonafone_speech_seconds_total": 3.5,
        'bonafone_alarms_total{kind="spoof"}': 1,
        'bonafone_source_events_total{what="dropped"}': 0,
        'bonafone_source_events_total{what="overrun"}': 2,
        'bonafone_level_dbfs{slot="0"}': -31.5,
        'bonafone_cm_score{slot="0"}': -2.25,
        'bonafone_lag_seconds{slot="0"}': 0.1,
        'bonafone_realtime_factor{slot="0"}': 0.002,
        'bonafone_alert_deliveries{channel="webhook",state="pending"}': 4,
    }
    assert found['bonafone_streams{verdict="spoof"}'] == 1


def test_no_identity_of_a_call_reaches_the_page_and_series_do_not_grow_with_calls(metrics):
    names = [str(uuid.uuid4()) for _ in range(200)]
    for name in names:
        update(metrics, name)
        shown = page(metrics)
        assert name not in shown
        metrics.end(name)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", shown)
    assert samples(shown)['bonafone_level_dbfs{slot="0"}'] == -20.0
    assert 'slot="1"' not in shown
    found = samples(page(metrics))
    assert found["bonafone_streams_ended_total"] == 200
    assert found["bonafone_speech_seconds_total"] == 600
    assert not [name for name in found if "slot=" in name]


def test_a_call_takes_the_slot_that_another_left(metrics):
    for number in range(MAX_SLOTS + 3):
        update(metrics, f"call {number}", level_db=-float(number))
    found = samples(page(metrics))
    assert found['bonafone_streams{verdict="uncertain"}'] == MAX_SLOTS + 3
    assert len([name for name in found if name.startswith("bonafone_level_dbfs")]) == MAX_SLOTS
    metrics.end("call 1")
    update(metrics, f"call {MAX_SLOTS}", level_db=-99.0)
    found = samples(page(metrics))
    assert [found[f'bonafone_level_dbfs{{slot="{slot}"}}'] for slot in range(3)] == [0.0, -99.0, -2.0]


def test_no_score_is_a_missing_sample_and_exact_silence_is_minus_infinity(metrics):
    update(metrics, "mic", state(speech_s=0.0, verdict="silenced", cm_score=None), level_db=-math.inf)
    assert "\nbonafone_cm_score{" not in page(metrics)
    assert 'bonafone_level_dbfs{slot="0"} -Inf' in page(metrics)


def test_an_outbox_that_cannot_be_read_hides_nothing_else():
    def broken():
        raise EdgeError("disk full")

    found = samples(page(LiveMetrics(broken)))
    assert found["bonafone_chunks_total"] == 0
    assert not [name for name in found if "deliveries" in name]


def test_pages_are_read_while_calls_come_and_go(metrics):
    stop, errors = threading.Event(), []

    def read():
        try:
            while not stop.is_set():
                page(metrics)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to show it
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(2000):
        update(metrics, f"call {number % 40}")
        if number % 3 == 0:
            metrics.end(f"call {number % 40}")
    stop.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert samples(page(metrics))["bonafone_chunks_total"] == 2000


def test_the_port_answers_this_machine_with_our_metrics_alone(metrics):
    with serve(metrics, 0) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            assert {name[:9] for name in samples(answer.read().decode())} == {"bonafone_"}
        with (
            pytest.raises(ConfigError, match=rf"metrics: 127.0.0.1:{port} cannot be listened on .*another port"),
            serve(metrics, port),
        ):
            pass


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    imported = builtins.__import__

    def refuse(name, *arguments, **options):
        if name.startswith("prometheus_client"):
            raise ModuleNotFoundError(name)
        return imported(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "edge.service.metrics")
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=r"pip install 'bonafone\[serve\]'"):
        __import__("edge.service.metrics")
