"""The page of live listening."""

from __future__ import annotations

import re
import threading
import uuid

from edge.decision import VERDICTS, LiveState
from edge.live.live_metrics import MAX_SLOTS, LiveMetrics


def state(speech_s=3.0, verdict="uncertain", cm_score=-0.5):
    return LiveState(end=16000, speech_s=speech_s, cm_score=cm_score, p_bonafide=None, verdict=verdict)


def update(metrics, stream, seen=None, **values):
    metrics.update(stream, seen or state(), **{"lag_s": 0.1, "realtime_factor": 0.002, "level_db": -20.0, **values})


def samples(page):
    """Lines that are no comments, as a dict."""
    lines = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_the_page_tells_the_stream_and_the_outbox():
    metrics = LiveMetrics()
    update(metrics, "mic", state(speech_s=2.0, verdict="too_short", cm_score=None))
    update(metrics, "mic", state(speech_s=3.5, verdict="spoof", cm_score=-2.25), level_db=-31.5)
    metrics.alarm("mic", "spoof")
    metrics.source_counts({"overrun": 2, "dropped": 0})
    found = samples(metrics.page({("webhook", "pending"): 4}))
    assert found['bonafone_streams{verdict="spoof"}'] == 1
    assert sum(found[f'bonafone_streams{{verdict="{verdict}"}}'] for verdict in VERDICTS) == 1
    assert found["bonafone_chunks_total"] == 2
    assert found["bonafone_speech_seconds_total"] == 3.5
    assert found['bonafone_alarms_total{kind="spoof"}'] == 1
    assert found['bonafone_source_events_total{what="overrun"}'] == 2
    assert found['bonafone_level_dbfs{slot="0"}'] == -31.5
    assert found['bonafone_cm_score{slot="0"}'] == -2.25
    assert found['bonafone_lag_seconds{slot="0"}'] == 0.1
    assert found['bonafone_realtime_factor{slot="0"}'] == 0.002
    assert found['bonafone_alert_deliveries{channel="webhook",state="pending"}'] == 4


def test_no_identity_of_a_call_reaches_the_page_and_series_do_not_grow_with_calls():
    metrics, names = LiveMetrics(), [str(uuid.uuid4()) for _ in range(200)]
    for name in names:
        update(metrics, name)
        metrics.alarm(name, "spoof")
        pages = metrics.page({})
        metrics.ended(name)
    assert not [name for name in names if name in pages]
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", pages)
    assert samples(pages)['bonafone_level_dbfs{slot="0"}'] == -20.0
    assert 'slot="1"' not in pages
    found = samples(metrics.page({}))
    assert found["bonafone_streams_ended_total"] == 200
    assert found["bonafone_speech_seconds_total"] == 600
    assert not [name for name in found if "slot=" in name]


def test_a_call_takes_the_slot_that_another_left():
    metrics = LiveMetrics()
    for name, level in (("a", -1.0), ("b", -2.0), ("c", -3.0)):
        update(metrics, name, level_db=level)
    metrics.ended("b")
    update(metrics, "d", level_db=-4.0)
    found = samples(metrics.page({}))
    assert [found[f'bonafone_level_dbfs{{slot="{slot}"}}'] for slot in range(3)] == [-1.0, -4.0, -3.0]


def test_more_calls_than_slots_are_in_the_totals_and_take_slots_when_some_come_free():
    metrics = LiveMetrics()
    for number in range(MAX_SLOTS + 3):
        update(metrics, f"call {number}")
    found = samples(metrics.page({}))
    assert found['bonafone_streams{verdict="uncertain"}'] == MAX_SLOTS + 3
    assert len([name for name in found if name.startswith("bonafone_level_dbfs")]) == MAX_SLOTS
    metrics.ended("call 0")
    update(metrics, f"call {MAX_SLOTS}", level_db=-9.0)
    assert samples(metrics.page({}))['bonafone_level_dbfs{slot="0"}'] == -9.0


def test_no_score_is_a_missing_sample_and_exact_silence_is_minus_infinity():
    metrics = LiveMetrics()
    update(metrics, "mic", state(speech_s=0.0, verdict="silenced", cm_score=None), level_db=float("-inf"))
    page = metrics.page({})
    assert "\nbonafone_cm_score{" not in page
    assert 'bonafone_level_dbfs{slot="0"} -Inf' in page


def test_a_page_before_any_audio_has_its_totals():
    found = samples(LiveMetrics().page({}))
    assert found["bonafone_chunks_total"] == 0
    assert found["bonafone_speech_seconds_total"] == 0


def test_pages_are_read_while_calls_come_and_go():
    metrics, stop, errors, pages = LiveMetrics(), threading.Event(), [], []

    def read():
        try:
            while not stop.is_set():
                pages.append(len(samples(metrics.page({}))))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to show it
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(3000):
        update(metrics, f"call {number % 40}")
        if number % 3 == 0:
            metrics.ended(f"call {number % 40}")
    stop.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert pages
    assert samples(metrics.page({}))["bonafone_chunks_total"] == 3000
