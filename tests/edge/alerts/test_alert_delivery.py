"""Workers: what they do with every end of an attempt, and that none holds up another."""

from __future__ import annotations

import threading
import time

import pytest

from edge.alerts.delivery import Dispatcher, Worker
from edge.alerts.event import DeliveryError, OutboxError
from tests.edge.harness import wait_for

DAY_S = 86400.0


class Scripted:
    """A channel that raises the next of ``ends``, or accepts the event."""

    longest_s = 5.0

    def __init__(self, *ends, name="webhook"):
        self.name, self.ends, self.sent, self.closed = name, list(ends), [], False

    def send(self, event):
        end = self.ends.pop(0) if self.ends else None
        self.sent.append(event)
        if end is not None:
            raise end

    def close(self):
        self.closed = True


def state(outbox, event):
    (delivery,) = outbox.deliveries(event.id)
    return delivery.state


def test_all_that_is_due_is_delivered_in_order(outbox, clock, make_event):
    events = [make_event(str(number)) for number in range(3)]
    for event in events:
        outbox.publish(event, {"webhook": DAY_S})
        clock.now += 1.0
    channel = Scripted()
    assert Worker(outbox, channel).drain() == 3
    assert channel.sent == events
    assert {state(outbox, event) for event in events} == {"done"}
    assert Worker(outbox, channel).drain() == 0


def test_a_failed_attempt_is_repeated_later_with_the_same_event(outbox, clock, event):
    outbox.publish(event, {"webhook": DAY_S})
    channel = Scripted(DeliveryError("down"), DeliveryError("down"))
    worker = Worker(outbox, channel)
    for _ in range(3):
        worker.drain()
        clock.now += 5.0
    assert channel.sent == [event] * 3
    assert state(outbox, event) == "done"


def test_a_failure_of_one_event_does_not_stop_the_next(outbox, clock, make_event):
    bad, good = make_event("bad"), make_event("good")
    outbox.publish(bad, {"webhook": DAY_S})
    clock.now += 1.0
    outbox.publish(good, {"webhook": DAY_S})
    Worker(outbox, Scripted(DeliveryError("400", retry=False))).drain()
    assert (state(outbox, bad), state(outbox, good)) == ("dead", "done")


def test_a_receiver_that_wants_nothing_more_is_left_in_peace(outbox, clock, make_event):
    first, second = make_event("1"), make_event("2")
    outbox.publish(first, {"webhook": DAY_S})
    channel = Scripted(DeliveryError("answered 410", closes_channel=True))
    worker = Worker(outbox, channel)
    worker.drain()
    outbox.publish(second, {"webhook": DAY_S})
    worker.drain()
    assert channel.sent == [first]
    assert state(outbox, first) == state(outbox, second) == "dead"
    assert outbox.deliveries(second.id)[0].last_error == "answered 410"


def test_a_bug_in_a_channel_is_a_failed_attempt_whose_text_is_not_kept(outbox, event):
    outbox.publish(event, {"webhook": DAY_S})
    Worker(outbox, Scripted(ZeroDivisionError("https://t0ken"))).drain()
    (delivery,) = outbox.deliveries(event.id)
    assert (delivery.state, delivery.last_error) == ("pending", "webhook failed unexpectedly: ZeroDivisionError")


def test_a_stopped_worker_leaves_the_rest_for_the_next(outbox, make_event):
    for number in range(3):
        outbox.publish(make_event(str(number)), {"webhook": DAY_S})
    channel = Scripted()
    assert Worker(outbox, channel).drain(lambda: len(channel.sent) >= 1) == 1
    assert outbox.counts() == {("webhook", "done"): 1, ("webhook", "pending"): 2}


@pytest.fixture
def dispatch(open_outbox):
    started = []

    def dispatch(*channels, open_one=lambda: open_outbox(close=False), poll_s=0.02):
        started.append(Dispatcher(open_one, channels, poll_s=poll_s))
        started[-1].start()
        return started[-1]

    yield dispatch
    for dispatcher in started:
        dispatcher.close()


def test_a_channel_that_hangs_does_not_hold_up_the_others(dispatch, outbox, event):
    release = threading.Event()
    slow, quick = Scripted(name="webhook"), Scripted(name="gpio")
    slow.send = lambda _: release.wait(5)
    dispatch(slow, quick)
    outbox.publish(event, {"webhook": DAY_S, "gpio": DAY_S})
    try:
        wait_for(lambda: outbox.counts() == {("webhook", "pending"): 1, ("gpio", "done"): 1})
    finally:
        release.set()


def test_waking_delivers_at_once(dispatch, outbox, event):
    channel = Scripted()
    dispatcher = dispatch(channel, poll_s=60.0)
    time.sleep(0.1)
    outbox.publish(event, {"webhook": DAY_S})
    dispatcher.wake()
    wait_for(lambda: channel.sent)


def test_a_worker_outlives_an_outbox_that_cannot_be_used_for_a_while(dispatch, outbox, open_outbox, event):
    full = [OutboxError("disk full")] * 3

    def open_one():
        if full:
            raise full.pop()
        return open_outbox(close=False)

    channel = Scripted()
    outbox.publish(event, {"webhook": DAY_S})
    dispatcher = dispatch(channel, open_one=open_one)
    wait_for(lambda: dispatcher.troubles() == {"webhook": "disk full"} or channel.sent)
    wait_for(lambda: channel.sent == [event] and not dispatcher.troubles())


def test_closing_does_not_wait_for_receivers_that_hang(dispatch, outbox, event):
    release, channels = threading.Event(), [Scripted(name=name) for name in ("webhook", "mqtt", "apprise")]
    started = []
    for channel in channels:
        channel.send = lambda event: (started.append(event), release.wait(10))
    dispatcher = dispatch(*channels)
    outbox.publish(event, {channel.name: DAY_S for channel in channels})
    wait_for(lambda: len(started) == 3)
    start = time.monotonic()
    assert not dispatcher.close(timeout_s=0.2)
    assert time.monotonic() - start < 1.0
    assert not any(channel.closed for channel in channels)
    release.set()


def test_closing_ends_the_threads_and_closes_the_channels(dispatch):
    channel = Scripted()
    dispatcher = dispatch(channel, poll_s=60.0)
    start = time.monotonic()
    assert dispatcher.close()
    assert time.monotonic() - start < 2.0
    assert channel.closed
    assert not any(thread.name.startswith("alert-") for thread in threading.enumerate())
