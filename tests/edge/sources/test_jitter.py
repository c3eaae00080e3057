"""Whatever the network does, positions never drift and what is lost is counted."""

from __future__ import annotations

import numpy as np
import pytest

from edge.sources.rtp import MAX_HELD, PCMU, JitterBuffer, Packet

TICKS = 160


def stream(count, *, sequence=0, timestamp=0, sizes=None):
    """Packets whose payload says which one they are."""
    sizes = sizes or [TICKS] * count
    begins = np.concatenate([[0], np.cumsum(sizes)])
    return [
        Packet(PCMU, sequence + i & 0xFFFF, timestamp + int(begins[i]) & 0xFFFFFFFF, 7, bytes([i % 256]) * sizes[i])
        for i in range(count)
    ]


def play(packets, first=None, *, interval_s=0.02):
    """Push packets as they arrive; return (buffer, what was released)."""
    buffer = JitterBuffer(first or packets[0])
    released = []
    for index, packet in enumerate(packets):
        released += buffer.feed(packet, index * interval_s)
    return buffer, released + buffer.flush()


def ticks(released):
    return sum(item.missing + item.packet.ticks for item in released)


def numbers(released):
    return [item.packet.sequence for item in released]


def test_packets_in_order_are_not_delayed():
    buffer = JitterBuffer(stream(1)[0])
    for packet in stream(100):
        (released,) = buffer.feed(packet, 0.0)
        assert released.packet is packet
        assert (released.missing, released.lost) == (0, False)
    assert not buffer.is_waiting


def test_two_swapped_packets_are_put_in_order():
    a, b, c, d = stream(4)
    buffer, released = play([a, c, b, d])
    assert numbers(released) == [0, 1, 2, 3]
    assert ticks(released) == 4 * TICKS
    assert buffer.counts == {"packets": 4}


def test_a_missing_packet_is_waited_for_and_then_counted_as_lost():
    a, _, c, d, e = stream(5)
    buffer = JitterBuffer(a)
    buffer.feed(a, 0.0)
    assert buffer.feed(c, 0.02) == []
    assert buffer.feed(d, 0.04) == []
    released = buffer.feed(e, 0.06)
    assert numbers(released) == [2, 3, 4]
    assert (released[0].missing, released[0].lost) == (TICKS, True)
    assert [item.missing for item in released[1:]] == [0, 0]
    assert buffer.counts["lost_packets"] == 1


def test_time_alone_ends_the_wait():
    a, _, c = stream(3)
    buffer = JitterBuffer(a)
    buffer.feed(a, 0.0)
    buffer.feed(c, 0.02)
    assert buffer.poll(0.0799) == []
    assert numbers(buffer.poll(0.0801)) == [2]


def test_a_late_packet_and_a_duplicate_are_told_apart():
    packets = stream(8)
    buffer, released = play([packets[0], *packets[2:6], packets[1], packets[6], packets[6], packets[7]])
    assert numbers(released) == [0, 2, 3, 4, 5, 6, 7]
    assert buffer.counts == {"packets": 7, "late": 1, "duplicates": 1, "lost_packets": 1}


def test_sequence_numbers_and_timestamps_wrap_around():
    packets = stream(40, sequence=65520, timestamp=2**32 - 5 * TICKS)
    packets[17], packets[15] = packets[15], packets[17]
    buffer, released = play(packets)
    assert numbers(released) == [(65520 + i) % 65536 for i in range(40)]
    assert ticks(released) == 40 * TICKS
    assert not any(item.missing for item in released)
    assert buffer.counts == {"packets": 40}


def test_loss_across_the_wrap_is_measured():
    packets = stream(10, sequence=65534, timestamp=2**32 - TICKS)
    _, released = play([packets[0], *packets[4:]])
    assert released[1].missing == 3 * TICKS
    assert released[1].lost


def test_what_the_sender_did_not_send_is_missing_but_not_lost():
    a, b = stream(2)
    later = Packet(PCMU, 1, b.timestamp + 8000, 7, b.payload)
    _, released = play([a, later])
    assert (released[1].missing, released[1].lost) == (8000, False)


def test_comfort_noise_and_dtmf_take_a_number_but_no_time():
    a, b = stream(2)
    events = [Packet(101, 1, a.timestamp, 7, bytes(4)), Packet(13, 2, a.timestamp, 7, bytes(1))]
    buffer, released = play([a, *events, Packet(PCMU, 3, b.timestamp, 7, b.payload)])
    assert numbers(released) == [0, 1, 2, 3]
    assert ticks(released) == 2 * TICKS
    assert not any(item.lost for item in released)
    assert buffer.counts["lost_packets"] == 0


def test_a_timestamp_that_goes_back_does_not_move_the_position_back():
    a, b, c = stream(3)
    back = Packet(PCMU, 1, a.timestamp, 7, b.payload)
    buffer, released = play([a, back, Packet(PCMU, 2, a.timestamp + TICKS, 7, c.payload)])
    assert [item.missing for item in released] == [0, 0, 0]
    assert buffer.counts["overlaps"] == 1


def test_packets_without_audio_cannot_fill_the_memory():
    buffer = JitterBuffer(stream(1)[0])
    held = 0
    for sequence in range(1, 1000):
        held += 1 - len(buffer.feed(Packet(101, sequence, 0, 7, b""), 0.0))
        assert held <= MAX_HELD


def test_far_numbers_do_not_fit():
    buffer = JitterBuffer(stream(1, sequence=500)[0])
    fits = {
        step: buffer.fits(Packet(PCMU, 500 + step & 0xFFFF, 0, 7, b"")) for step in (-101, -100, 0, 2999, 3000, 30000)
    }
    assert fits == {-101: False, -100: True, 0: True, 2999: True, 3000: False, 30000: False}


@pytest.mark.parametrize("seed", range(30))
def test_positions_never_drift_and_losses_are_counted(seed):
    """Shuffle, drop, duplicate, at any packet sizes and any place on the circle: the audio stays where it was sent."""
    rng = np.random.default_rng(seed)
    count = 400
    sizes = [int(size) for size in rng.choice([64, 80, 160, 240], count)]
    packets = stream(count, sequence=int(rng.integers(65536)), timestamp=int(rng.integers(2**32)), sizes=sizes)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    kept = [i for i in range(count) if i in (0, count - 1) or rng.random() > 0.1]
    doubled = sorted([*kept, *rng.choice(kept, 30)], key=lambda i: i + rng.uniform(0, 6))
    # The first must come first: before it nobody knows where the stream begins.
    doubled.sort(key=lambda i: i != 0)
    buffer, released = play([packets[i] for i in doubled], packets[0], interval_s=0.01)

    index_of = {packet.sequence: i for i, packet in enumerate(packets)}
    position, heard = 0, []
    for item in released:
        i = index_of[item.packet.sequence]
        assert position + item.missing == begins[i], "it lies where it was sent"
        assert item.lost == (item.missing > 0)
        position = begins[i + 1]
        heard.append(i)
    assert heard == sorted(set(heard)), "in order, each once"
    assert position == begins[-1]
    missing = set(range(count)) - set(heard)
    assert buffer.counts["lost_packets"] == len(missing)
    assert sum(item.missing for item in released) == sum(sizes[i] for i in missing)
    assert buffer.counts["packets"] == len(heard)
    assert buffer.counts["packets"] + buffer.counts["late"] + buffer.counts["duplicates"] == len(doubled)
    # Nothing that came in time is given up: the only losses are what was dropped and what came too late.
    assert missing >= set(range(count)) - set(kept)
    assert len(missing) == count - len(kept) + buffer.counts["late"]
