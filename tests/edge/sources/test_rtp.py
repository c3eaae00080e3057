"""Packets byte by byte, their order, and what the receiver makes of streams, restarts and garbage; no sockets."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest

from edge.audio import g711
from edge.sources.events import AudioChunk, BadDataError, StreamEnd, StreamStart, Trouble
from edge.sources.peers import PeerList
from edge.sources.rtp import MAX_HELD, PCMU, JitterBuffer, Packet, parse_packet
from edge.sources.rtp_source import RtpReceiver
from tests.edge.sources.conftest import Received


def datagram(sequence, timestamp, payload=b"\xff" * 160, *, kind=0, ssrc=0xABCD0123, first=0x80, middle=b"", tail=b""):
    header = struct.pack(">BBHII", first, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return header + middle + payload + tail


def codes(index):
    """A payload that can be told from the others."""
    return bytes([index % 120]) * 160


class Wire:
    """A receiver and the time."""

    def __init__(self, **options):
        self.receiver = RtpReceiver(**options)
        self.got = Received()
        self.now = 50.0

    def send(self, data, host="127.0.0.1", port=4000, after_s=0.02):
        self.now += after_s
        self._add(self.receiver.feed(data, host, port, self.now))

    def send_many(self, indices, **options):
        for index in indices:
            self.send(datagram(index, 160 * index, codes(index), **options))

    def tick(self, after_s):
        self.now += after_s
        self._add(self.receiver.tick(self.now))

    def close(self):
        self._add(self.receiver.flush())
        return self.got

    def _add(self, events):
        for event in events:
            self.got.add(event)


def test_a_packet_with_every_optional_part():
    extension = struct.pack(">HH", 0xBEDE, 2) + bytes(8)
    data = datagram(
        1, 2, b"abc", kind=0x80 | 8, first=0x80 | 0x20 | 0x10 | 2, middle=bytes(8) + extension, tail=b"\0\0\3"
    )
    assert parse_packet(data) == Packet(8, 1, 2, 0xABCD0123, b"abc")


def test_a_damaged_packet_is_refused_with_the_reason():
    for data, message in [
        (b"", "a datagram of 0 bytes; an RTP packet has at least 12"),
        (bytes(11), "a datagram of 11 bytes; an RTP packet has at least 12"),
        (datagram(0, 0, first=0x00), "a datagram of RTP version 0; expected 2; is something else sent to this port?"),
        (datagram(0, 0, b"", first=0x8F), "an RTP packet of 12 bytes whose header alone would take 72"),
        (datagram(0, 0, b"ab", first=0x90), "an RTP packet that ends inside its header extension"),
        (datagram(0, 0, b"\0\0\xff\xff", first=0x90), "an RTP packet of 16 bytes whose header alone would take 262156"),
        (datagram(0, 0, b"a\0", first=0xA0), "an RTP packet whose padding of 0 bytes does not fit in it"),
        (datagram(0, 0, b"a\x03", first=0xA0), "an RTP packet whose padding of 3 bytes does not fit in it"),
    ]:
        with pytest.raises(BadDataError) as caught:
            parse_packet(data)
        assert str(caught.value) == message


def test_random_bytes_are_a_packet_a_control_packet_or_refused(rng):
    for _ in range(2000):
        data = rng.integers(0, 256, rng.integers(0, 60), dtype=np.uint8).tobytes()
        try:
            packet = parse_packet(data)
        except BadDataError:
            continue
        assert packet is None or len(packet.payload) <= len(data) - 12


def test_a_stream_is_decoded_sample_for_sample_also_where_its_encoding_changes():
    for kinds, tables in [((0, 0), "uu"), ((8, 8), "aa"), ((0, 8), "ua")]:
        wire = Wire()
        wire.send_many(range(25), kind=kinds[0])
        wire.send_many(range(25, 50), kind=kinds[1])
        got = wire.close()
        (name,) = got.starts
        halves = [
            {"u": g711.MU_LAW, "a": g711.A_LAW}[law][np.repeat(np.arange(25), 160) + 25 * half]
            for half, law in enumerate(tables)
        ]
        np.testing.assert_array_equal(got.samples(name), np.concatenate(halves))
        assert got.starts[name] == StreamStart(name, 8000, got.starts[name].detail, name, "127.0.0.1:4000/abcd0123")
        assert got.ends[name] == StreamEnd(name, "finished", 8000)


def test_lost_packets_become_masked_silence_at_their_place():
    wire = Wire()
    wire.send_many(i for i in range(50) if i not in (10, 11, 30))
    got = wire.close()
    (name,) = got.starts
    expected = np.isin(np.repeat(np.arange(50), 160), [10, 11, 30])
    np.testing.assert_array_equal(got.mask(name), expected)
    np.testing.assert_array_equal(got.samples(name)[~expected], g711.MU_LAW[np.repeat(np.arange(50), 160)][~expected])
    assert got.ends[name] == StreamEnd(name, "finished", 8000, lost_samples=480)
    assert wire.receiver.counts["lost_packets"] == 3
    assert wire.receiver.counts["lost_samples"] == 480


def test_silence_that_was_not_sent_is_silence_and_not_loss():
    wire = Wire()
    wire.send_many(range(3))
    wire.now += 4.0
    wire.send(datagram(3, 160 * 3 + 32000, codes(3)))
    got = wire.close()
    (name,) = got.starts
    assert got.length(name) == 4 * 160 + 32000
    assert got.lost(name) == 0
    assert max(len(chunk.samples) for chunk in got.chunks[name]) <= 8000


def test_dtmf_comfort_noise_and_control_packets_are_skipped():
    wire = Wire()
    wire.send_many(range(3))
    wire.send(datagram(3, 0, bytes(4), kind=0x80 | 101))
    wire.send(datagram(4, 0, bytes(1), kind=13))
    wire.send(datagram(4, 0, bytes(16), kind=200))
    wire.send(datagram(5, 480, codes(5)))
    got = wire.close()
    (name,) = got.starts
    assert got.ends[name] == StreamEnd(name, "finished", 640)
    assert not got.of(Trouble)


def test_an_unknown_payload_is_reported_once_and_is_not_loss():
    wire = Wire()
    wire.send_many(range(3))
    for index in range(3, 8):
        wire.send(datagram(index, 0, kind=111))
    wire.send(datagram(8, 480, codes(8)))
    got = wire.close()
    (trouble,) = got.of(Trouble)
    assert trouble == Trouble(
        "unsupported", "127.0.0.1 sends payload type 111; set the sender to PCMU (0), PCMA (8), G.722 (9)"
    )
    assert wire.receiver.counts["unsupported"] == 5
    assert sum(end.lost_samples for end in got.ends.values()) == 0


def test_trouble_is_reported_again_after_a_while_with_its_count():
    wire = Wire()
    for _ in range(7):
        wire.send(b"nonsense")
    wire.send(b"nonsense", after_s=11.0)
    assert [(trouble.kind, trouble.count) for trouble in wire.got.of(Trouble)] == [("bad_data", 1), ("bad_data", 7)]


def test_a_stream_starts_with_the_second_packet_that_fits_the_first():
    wire = Wire()
    for ssrc in range(1000):
        wire.send(datagram(0, 0, ssrc=ssrc))
    assert wire.got.order == []
    assert len(wire.receiver._candidates) <= 32
    wire.send(datagram(5, 0))
    wire.send(datagram(5, 0))
    assert wire.got.order == [], "a duplicate is no second packet"
    wire.send(datagram(6, 160))
    assert wire.close().ends["rtp-1"].position == 320
    wire = Wire()
    wire.send_many([1, 0, 2, 3])
    samples = wire.close().samples("rtp-1")
    np.testing.assert_array_equal(samples, g711.MU_LAW[np.repeat(np.arange(4), 160)], "swapped ones are in order")


def test_a_new_ssrc_ends_the_senders_old_stream():
    wire = Wire()
    wire.send_many(range(5))
    for index in range(100):
        wire.send(datagram(9000 + index, 77 + 160 * index, codes(index), ssrc=99))
        wire.tick(0.0)
    got = wire.close()
    assert got.ends["rtp-1"] == StreamEnd("rtp-1", "replaced", 800, detail="its sender goes on as another stream")
    assert got.ends["rtp-2"] == StreamEnd("rtp-2", "finished", 16000)


def test_streams_that_run_side_by_side_never_mix():
    """Two of one sender, and two that only share their SSRC."""
    for ssrc, port in ((8, 4000), (7, 4001)):
        wire = Wire()
        for index in range(200):
            wire.send(datagram(index, 160 * index, codes(1), ssrc=7), after_s=0.01)
            wire.send(datagram(index, 160 * index, codes(2), ssrc=ssrc), port=port, after_s=0.01)
            wire.tick(0.0)
        got = wire.close()
        assert [end.position for end in got.ends.values()] == [32000, 32000]
        assert all((got.samples(f"rtp-{value}") == g711.MU_LAW[value]).all() for value in (1, 2))


def test_a_sender_that_starts_again_is_a_new_stream():
    wire = Wire()
    wire.send_many(range(10))
    for index in range(5):
        wire.send(datagram(30000 + index, 5_000_000 + 160 * index, codes(index)))
    got = wire.close()
    assert got.ends["rtp-1"] == StreamEnd("rtp-1", "replaced", 1600, detail="its sender started again")
    # The first of the new ones is what shows it, and is given up (RFC 3550, appendix A.1).
    assert got.ends["rtp-2"] == StreamEnd("rtp-2", "finished", 640)


def test_one_packet_far_out_of_the_stream_changes_nothing():
    wire = Wire()
    wire.send_many(range(10))
    wire.send(datagram(30000, 0))
    wire.send_many(range(10, 20))
    got = wire.close()
    assert got.ends["rtp-1"] == StreamEnd("rtp-1", "finished", 3200)
    assert [trouble.kind for trouble in got.of(Trouble)] == ["bad_data"]


def test_forged_timestamps_do_not_buy_hours_of_silence():
    wire = Wire()
    wire.send_many(range(10))
    for index in range(10, 200):
        wire.send(datagram(index, index * 2**24))
    got = wire.close()
    assert got.length("rtp-1") == 200 * 160
    assert wire.receiver.counts["leaps"] == 190 == sum(chunk.broken for chunk in got.chunks["rtp-1"])
    # Small leaps may not add up: the position may lead the clock by five seconds, no more.
    wire = Wire()
    for index in range(500):
        wire.send(datagram(index, index * 32160))
    assert wire.close().length("rtp-1") / 8000 <= 500 * 0.02 + 5.0 + 0.02


def test_a_stream_that_falls_silent_times_out():
    wire = Wire()
    wire.send_many(range(5))
    wire.tick(29.9)
    assert not wire.got.ends
    wire.tick(0.2)
    assert wire.got.ends["rtp-1"] == StreamEnd("rtp-1", "timed_out", 800, detail="nothing came for 30 s")


def test_no_more_streams_than_allowed():
    wire = Wire(max_streams=2)
    for index in range(5):
        for ssrc in range(4):
            wire.send(datagram(index, 160 * index, ssrc=ssrc))
    assert len(wire.got.starts) == 2
    assert wire.got.of(Trouble)[0].detail == (
        "127.0.0.1:4000: a stream more than the 2 that are allowed; end one first"
    )


def test_strangers_are_refused_with_how_to_let_them_in():
    wire = Wire()
    wire.send(datagram(0, 0), host="192.168.1.7")
    wire.send(datagram(1, 160), host="192.168.1.7")
    (trouble,) = wire.got.order
    assert trouble.kind == "refused"
    assert trouble.detail == (
        "192.168.1.7 is not allowed to send here (allowed: 127.0.0.0/8, ::1/128); "
        "to let it in, add allow=192.168.1.7 to the source"
    )
    wire = Wire(allow=PeerList.parse(["192.168.1.0/24"]))
    wire.send_many(range(2))
    assert [type(event) for event in wire.got.order] == [Trouble]


def test_random_datagrams_never_raise(rng):
    """And every promise about positions holds for whatever streams they make."""
    wire = Wire()
    for _ in range(6000):
        head = bytes([0x80, int(rng.choice([0, 8, 13, 101, 111]))])
        body = rng.integers(0, 256, rng.integers(0, 40), dtype=np.uint8).tobytes()
        middle = struct.pack(">HII", rng.choice([0, 1, 2, 3000, 40000, 65535]), rng.integers(2**32), rng.integers(3))
        wire.send(head + middle + body, after_s=float(rng.exponential(0.01)))
        if rng.random() < 0.1:
            wire.tick(float(rng.exponential(1.0)))
    wire.close()
    assert wire.got.starts


def encode_g722(av, samples):
    encoder = av.CodecContext.create("g722", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 16000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray((samples * 32767).astype("<i2")[None, :], "s16", "mono")
    frame.sample_rate = 16000
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


def test_g722_is_16_khz_and_its_clock_is_8_khz():
    av = pytest.importorskip("av", reason="needs the formats extra")
    time = np.arange(16000) / 16000
    data = encode_g722(av, 0.5 * np.sin(2 * np.pi * 5000.0 * time))
    wire = Wire()
    for index in range(50):
        if index != 25:
            wire.send(datagram(index, 160 * index, data[160 * index :][:160], kind=9))
    got = wire.close()
    assert got.starts["rtp-1"].sample_rate == 16000
    assert got.ends["rtp-1"] == StreamEnd("rtp-1", "finished", 16000, lost_samples=320)
    np.testing.assert_array_equal(np.flatnonzero(got.mask("rtp-1")), np.arange(25 * 320, 26 * 320))
    # 5 kHz is above what 8 kHz can carry: both bands are decoded.
    spectrum = np.abs(np.fft.rfft(got.samples("rtp-1")[:8000]))
    assert np.argmax(spectrum) * 2 == pytest.approx(5000, abs=4)


def test_a_change_of_the_sample_rate_is_a_new_stream():
    pytest.importorskip("av", reason="needs the formats extra")
    wire = Wire()
    wire.send_many(range(5))
    wire.send_many(range(5, 10), kind=9)
    got = wire.close()
    assert [got.starts[name].sample_rate for name in got.starts] == [8000, 16000]
    assert got.ends["rtp-1"].reason == "replaced"
    assert got.ends["rtp-2"].position == 5 * 320


def test_g722_without_a_decoder_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    wire = Wire()
    wire.send_many(range(5), kind=9)
    assert not [event for event in wire.got.order if isinstance(event, (AudioChunk, StreamStart))]
    assert wire.got.of(Trouble)[0].kind == "unsupported"
    assert wire.got.of(Trouble)[0].detail == (
        "127.0.0.1:4000: G.722 needs a decoder: pip install 'bonafone[formats]', or offer PCMU or PCMA to the sender"
    )


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


def numbers(released):
    return [item.packet.sequence for item in released]


def test_packets_in_order_are_not_delayed():
    buffer = JitterBuffer(stream(1)[0])
    for packet in stream(100):
        (released,) = buffer.feed(packet, 0.0)
        assert (released.packet, released.missing, released.lost) == (packet, 0, False)
    assert not buffer.is_waiting


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


def test_a_late_packet_and_a_duplicate_are_counted_apart():
    packets = stream(8)
    buffer, released = play([packets[0], *packets[2:6], packets[1], packets[6], packets[6], packets[7]])
    assert numbers(released) == [0, 2, 3, 4, 5, 6, 7]
    assert buffer.counts == {"packets": 7, "late": 1, "duplicates": 1, "lost_packets": 1}


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


def test_positions_never_drift_and_losses_are_counted():
    """Shuffle, drop, duplicate, at any packet sizes and any place on the circle: the audio stays where it was sent."""
    for seed in range(30):
        check_positions(seed)


def check_positions(seed):
    rng = np.random.default_rng(seed)
    count = 400
    sizes = [int(size) for size in rng.choice([64, 80, 160, 240], count)]
    # Both numbers wrap around within the stream.
    sequence, timestamp = int(rng.integers(65536 - count, 65536)), int(rng.integers(2**32 - 160 * count, 2**32))
    packets = stream(count, sequence=sequence, timestamp=timestamp, sizes=sizes)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    kept = [i for i in range(count) if i in (0, count - 1) or rng.random() > 0.1]
    doubled = sorted([*kept, *rng.choice(kept, 30)], key=lambda i: i + rng.uniform(0, 6))
    # The first must come first: before it the start of the stream is unknown.
    doubled.sort(key=lambda i: i != 0)
    buffer, released = play([packets[i] for i in doubled], packets[0], interval_s=0.01)

    index_of = {packet.sequence: i for i, packet in enumerate(packets)}
    position, got = 0, []
    for item in released:
        i = index_of[item.packet.sequence]
        assert position + item.missing == begins[i], "it lies where it was sent"
        assert item.lost == (item.missing > 0)
        position = begins[i + 1]
        got.append(i)
    assert got == sorted(set(got)), "in order, each once"
    assert position == begins[-1]
    missing = set(range(count)) - set(got)
    assert buffer.counts["lost_packets"] == len(missing)
    assert sum(item.missing for item in released) == sum(sizes[i] for i in missing)
    assert buffer.counts["packets"] == len(got)
    assert buffer.counts["packets"] + buffer.counts["late"] + buffer.counts["duplicates"] == len(doubled)
    # Nothing that came in time is given up: the only losses are what was dropped and what came too late.
    assert missing >= set(range(count)) - set(kept)
    assert len(missing) == count - len(kept) + buffer.counts["late"]
