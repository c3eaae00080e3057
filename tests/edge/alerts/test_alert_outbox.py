"""The outbox: all or nothing, at least once, not twice at a time, and quiet when it should be."""

from __future__ import annotations

import json
import random
import sqlite3
import threading

import pytest

from edge.alerts.event import DeliveryError, OutboxError
from edge.alerts.outbox import backoff_s
from edge.alerts.settings import RetryPolicy

LEASE_S = 20.0
DAY_S = 86400.0


def state(outbox, event, channel="webhook"):
    (found,) = [item for item in outbox.deliveries(event.id) if item.channel == channel]
    return found.state


def test_a_published_event_and_its_deliveries_are_there_after_a_restart(outbox, open_outbox, event):
    assert outbox.publish(event, {"webhook": 60.0, "gpio": 60.0}) == "published"
    outbox.close()
    again = open_outbox()
    assert [record.event for record in again.events()] == [event]
    assert again.counts() == {("webhook", "pending"): 1, ("gpio", "pending"): 1}


def test_a_failure_half_way_leaves_neither_event_nor_cooldown(outbox, event):
    with pytest.raises(OutboxError):
        outbox.publish(event, {"webhook": 60.0, "gpio": float("nan")}, cooldown_key="mic")
    assert (outbox.events(), outbox.sent_at()) == ([], {})
    assert outbox.publish(event, {"webhook": 60.0}) == "published"


def test_the_same_id_is_published_once(outbox, event):
    outbox.publish(event, {"webhook": 60.0})
    claim = outbox.claim("webhook", lease_s=LEASE_S)
    outbox.succeeded(claim)
    assert outbox.publish(event, {"webhook": 60.0}) == "known"
    assert outbox.claim("webhook", lease_s=LEASE_S) is None


def test_a_failed_delivery_waits_and_the_wait_grows(outbox, clock, event):
    outbox.publish(event, {"webhook": DAY_S})
    waits = []
    for _ in range(9):
        outbox.failed(outbox.claim("webhook", lease_s=LEASE_S), DeliveryError("down"))
        assert outbox.claim("webhook", lease_s=LEASE_S) is None
        (delivery,) = outbox.deliveries(event.id)
        waits.append(delivery.next_at - clock.now)
        clock.now = delivery.next_at
    assert 1.0 <= waits[0] <= 2.0
    assert 150.0 <= waits[-1] <= 300.0
    assert (delivery.attempts, delivery.last_error, delivery.state) == (9, "down", "pending")


def test_the_wait_that_the_receiver_asked_for_is_kept(outbox, clock, event):
    outbox.publish(event, {"webhook": DAY_S})
    outbox.failed(outbox.claim("webhook", lease_s=LEASE_S), DeliveryError("busy", retry_after_s=100.0))
    clock.now += 99.0
    assert outbox.claim("webhook", lease_s=LEASE_S) is None
    clock.now += 1.0
    assert outbox.claim("webhook", lease_s=LEASE_S) is not None


def test_a_refused_delivery_is_never_tried_again_and_another_channel_is(outbox, clock, event):
    outbox.publish(event, {"webhook": DAY_S, "gpio": DAY_S})
    outbox.failed(outbox.claim("webhook", lease_s=LEASE_S), DeliveryError("answered 400", retry=False))
    clock.now += 3600.0
    assert outbox.claim("webhook", lease_s=LEASE_S) is None
    assert (state(outbox, event), state(outbox, event, "gpio")) == ("dead", "pending")


def test_what_another_worker_has_is_left_alone_until_its_lease_ends(outbox, open_outbox, clock, event):
    other = open_outbox()
    outbox.publish(event, {"webhook": DAY_S})
    first = outbox.claim("webhook", lease_s=LEASE_S)
    clock.now += LEASE_S - 0.1
    assert other.claim("webhook", lease_s=LEASE_S) is None
    clock.now += 0.1
    second = other.claim("webhook", lease_s=LEASE_S)
    assert (second.event, second.attempt) == (first.event, 2)


def test_a_late_failure_counts_for_nothing_and_a_late_success_counts(outbox, clock, event):
    outbox.publish(event, {"webhook": DAY_S})
    slow = outbox.claim("webhook", lease_s=LEASE_S)
    clock.now += LEASE_S
    second = outbox.claim("webhook", lease_s=LEASE_S)
    outbox.failed(slow, DeliveryError("timed out", retry_after_s=0.0))
    clock.now += 5.0
    assert outbox.claim("webhook", lease_s=LEASE_S) is None, "the lease of the second goes on"
    outbox.succeeded(slow)
    assert state(outbox, event) == "done"
    outbox.failed(second, DeliveryError("timed out", retry=False))
    assert state(outbox, event) == "done"


def test_what_is_useless_late_is_not_sent_late(outbox, clock, event):
    outbox.publish(event, {"gpio": 120.0, "webhook": DAY_S})
    clock.now += 120.0
    assert outbox.claim("gpio", lease_s=LEASE_S) is None
    assert outbox.claim("webhook", lease_s=LEASE_S) is not None
    assert state(outbox, event, "gpio") == "expired"


def test_an_attempt_under_way_does_not_expire(outbox, clock, event):
    outbox.publish(event, {"webhook": 10.0})
    claim = outbox.claim("webhook", lease_s=LEASE_S)
    clock.now += 15.0
    assert outbox.claim("webhook", lease_s=LEASE_S) is None
    assert state(outbox, event) == "pending"
    outbox.succeeded(claim)
    assert state(outbox, event) == "done"


def test_an_event_that_the_policy_holds_is_recorded_and_not_sent(outbox, open_outbox, clock, make_event):
    sent, held = make_event("1"), make_event("2")
    assert outbox.publish(sent, {"webhook": 60.0}, cooldown_key="mic") == "published"
    sent_at = clock.now
    clock.now += 59.0
    assert outbox.publish(held, {"webhook": 60.0}, held=True, cooldown_key="mic") == "suppressed"
    outbox.close()
    again = open_outbox()
    assert again.sent_at() == {"mic": sent_at}
    assert again.deliveries(held.id) == []
    assert [(record.event.id, record.suppressed) for record in again.events()] == [(held.id, True), (sent.id, False)]


def test_a_clock_set_back_strands_nothing(outbox, clock, make_event):
    """A board without a clock starts in the past, or a wrong time is corrected: nothing may wait for years."""
    waiting, leased = make_event("waiting"), make_event("leased")
    outbox.publish(waiting, {"webhook": 10 * 365 * DAY_S})
    outbox.failed(outbox.claim("webhook", lease_s=LEASE_S), DeliveryError("down"))
    outbox.publish(leased, {"gpio": 10 * 365 * DAY_S})
    outbox.claim("gpio", lease_s=LEASE_S)
    clock.now -= 365 * DAY_S
    assert outbox.claim("webhook", lease_s=LEASE_S).event == waiting
    assert outbox.claim("gpio", lease_s=LEASE_S).event == leased


def test_two_connections_claim_each_delivery_once(outbox, open_outbox, make_event):
    events = [make_event(str(number)) for number in range(40)]
    for event in events:
        outbox.publish(event, {"webhook": DAY_S})
    claimed = []

    def work():
        with open_outbox(close=False) as mine:
            while (claim := mine.claim("webhook", lease_s=LEASE_S)) is not None:
                claimed.append(claim.event.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(event.id for event in events)


def test_an_event_that_cannot_be_read_does_not_hold_up_the_others(outbox, clock, make_event, tmp_path):
    later, good = make_event("later"), make_event("good")
    outbox.publish(later, {"webhook": DAY_S})
    clock.now += 1.0
    outbox.publish(good, {"webhook": DAY_S})
    body = json.loads(later.to_json())
    body["data"]["kind"] = "kind_of_a_later_version"
    with sqlite3.connect(tmp_path / "alerts.sqlite") as database:
        database.execute("UPDATE events SET body = ? WHERE id = ?", (json.dumps(body), later.id))
    assert outbox.claim("webhook", lease_s=LEASE_S).event == good
    assert state(outbox, later) == "dead"


def test_pruning_forgets_old_settled_events_and_keeps_pending_ones(outbox, clock, make_event):
    settled, pending, expired = (make_event(key) for key in ("settled", "pending", "expired"))
    outbox.publish(settled, {"webhook": 90 * DAY_S})
    outbox.succeeded(outbox.claim("webhook", lease_s=LEASE_S))
    outbox.publish(pending, {"webhook": 90 * DAY_S})
    outbox.publish(expired, {"turned_off_since": 60.0})
    clock.now += 31 * DAY_S
    young = make_event("young")
    outbox.publish(young, {})
    assert outbox.prune(older_than_s=30 * DAY_S) == 2
    assert {record.event.id for record in outbox.events()} == {pending.id, young.id}
    assert outbox.counts() == {("webhook", "pending"): 1}


def test_a_test_is_kept_and_no_worker_ever_gets_it(outbox, clock, event):
    outbox.record_test(event, {"webhook": "nobody answered", "gpio": ""})
    assert [record.event for record in outbox.events()] == [event]
    kept = {item.channel: (item.state, item.attempts, item.last_error) for item in outbox.deliveries(event.id)}
    assert kept == {"gpio": ("done", 1, None), "webhook": ("expired", 1, "nobody answered")}
    # Also not where the clock is set back, which makes long waits due.
    for step_s in (0.0, -DAY_S, DAY_S):
        clock.now += step_s
        assert outbox.claim("webhook", lease_s=20.0) is None
    clock.now += DAY_S
    assert outbox.prune(older_than_s=DAY_S / 2) == 1


def test_a_test_that_cannot_be_kept_leaves_nothing(outbox, event):
    outbox.publish(event, {"webhook": 60.0})
    with pytest.raises(OutboxError):
        outbox.record_test(event, {"gpio": ""})
    assert outbox.counts() == {("webhook", "pending"): 1}


def test_cooldowns_are_forgotten_when_none_can_still_hold(outbox, clock, make_event):
    for number in range(3):
        outbox.publish(make_event(str(number)), {}, cooldown_key=str(number))
    clock.now += DAY_S - 1.0
    # Even where events are kept for less than the longest cooldown.
    outbox.prune(older_than_s=60.0)
    assert len(outbox.sent_at()) == 3
    clock.now += 2.0
    outbox.prune(older_than_s=60.0)
    assert outbox.sent_at() == {}


def waits(attempts, policy, **options):
    rng = random.Random(1)
    return [backoff_s(attempts, policy, rng, **options) for _ in range(500)]


def test_waits_double_up_to_the_longest_and_spread_over_their_upper_half():
    for attempts, full in [(1, 2.0), (2, 4.0), (5, 32.0), (9, 300.0), (5000, 300.0)]:
        seen = waits(attempts, RetryPolicy(2.0, 300.0))
        assert full / 2 <= min(seen) < 0.55 * full
        assert 0.95 * full < max(seen) <= full


def test_what_the_receiver_asks_for_is_kept_to_up_to_the_longest():
    policy = RetryPolicy(2.0, 300.0)
    assert min(waits(1, policy, retry_after_s=60.0)) == 60.0
    assert max(waits(1, policy, retry_after_s=86400.0)) == 300.0
