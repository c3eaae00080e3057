"""Packets byte by byte, and what the receiver makes of streams, restarts and garbage; no sockets."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest

from edge.audio import g711
from edge.sources.events import AudioChunk, BadDataError, StreamEnd, StreamStart, Trouble
from edge.sources.peers import PeerList
from edge.sources.rtp import Packet, parse_packet
from edge.sources.rtp_source import RtpReceiver
from tests.edge.sources.conftest import Heard


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
        self.heard = Heard()
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
        return self.heard

    def _add(self, events):
        for event in events:
            self.heard.add(event)


def test_a_packet_with_every_optional_part():
    extension = struct.pack(">HH", 0xBEDE, 2) + bytes(8)
    data = datagram(
        1, 2, b"abc", kind=0x80 | 8, first=0x80 | 0x20 | 0x10 | 2, middle=bytes(8) + extension, tail=b"\0\0\3"
    )
    assert parse_packet(data) == Packet(8, 1, 2, 0xABCD0123, b"abc", marker=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a datagram of 0 bytes; an RTP packet has at least 12"),
        (bytes(11), "a datagram of 11 bytes; an RTP packet has at least 12"),
        (datagram(0, 0, first=0x00), "a datagram of RTP version 0; expected 2; is something else sent to this port?"),
        (datagram(0, 0, b"", first=0x8F), "an RTP packet of 12 bytes whose header alone would take 72"),
        (datagram(0, 0, b"ab", first=0x90), "an RTP packet that ends inside its header extension"),
        (datagram(0, 0, b"\0\0\xff\xff", first=0x90), "an RTP packet of 16 bytes whose header alone would take 262156"),
        (datagram(0, 0, b"a\0", first=0xA0), "an RTP packet whose padding of 0 bytes does not fit in it"),
        (datagram(0, 0, b"a\x03", first=0xA0), "an RTP packet whose padding of 3 bytes does not fit in it"),
    ],
)
def test_a_damaged_packet_is_refused_with_the_reason(data, message):
    with pytest.raises(BadDataError) as caught:
        parse_packet(data)
    assert str(caught.value) == message


def test_random_bytes_are_a_packet_a_control_packet_or_refused(rng):
    for _ in range(5000):
        data = rng.integers(0, 256, rng.integers(0, 60), dtype=np.uint8).tobytes()
        try:
            packet = parse_packet(data)
        except BadDataError:
            continue
        assert packet is None or len(packet.payload) <= len(data) - 12


@pytest.mark.parametrize(("kind", "table"), [(0, g711.MU_LAW), (8, g711.A_LAW)])
def test_a_stream_is_decoded_sample_for_sample(kind, table):
    wire = Wire()
    wire.send_many(range(50), kind=kind)
    heard = wire.close()
    (name,) = heard.starts
    np.testing.assert_array_equal(heard.samples(name), table[np.repeat(np.arange(50), 160)])
    assert heard.starts[name].sample_rate == 8000
    assert (heard.starts[name].call_id, heard.starts[name].peer) == (name, "127.0.0.1:4000/abcd0123")
    assert heard.ends[name] == StreamEnd(name, "finished", 8000)


def test_the_encoding_may_change_within_a_stream():
    wire = Wire()
    wire.send_many(range(5))
    wire.send_many(range(5, 10), kind=8)
    heard = wire.close()
    (name,) = heard.starts
    expected = np.concatenate([g711.MU_LAW[np.repeat(np.arange(5), 160)], g711.A_LAW[np.repeat(np.arange(5, 10), 160)]])
    np.testing.assert_array_equal(heard.samples(name), expected)


def test_lost_packets_become_masked_silence_at_their_place():
    wire = Wire()
    wire.send_many(i for i in range(50) if i not in (10, 11, 30))
    heard = wire.close()
    (name,) = heard.starts
    expected = np.isin(np.repeat(np.arange(50), 160), [10, 11, 30])
    np.testing.assert_array_equal(heard.mask(name), expected)
    np.testing.assert_array_equal(heard.samples(name)[~expected], g711.MU_LAW[np.repeat(np.arange(50), 160)][~expected])
    assert heard.ends[name] == StreamEnd(name, "finished", 8000, lost_samples=480)
    assert wire.receiver.counts["lost_packets"] == 3
    assert wire.receiver.counts["lost_samples"] == 480


def test_payloads_of_two_sizes_in_one_stream_leave_no_gap():
    wire, timestamp = Wire(), 0
    for index in range(40):
        size = 160 if index % 2 else 64
        wire.send(datagram(index, timestamp, codes(index)[:size]))
        timestamp += size
    heard = wire.close()
    (name,) = heard.starts
    assert heard.ends[name] == StreamEnd(name, "finished", 20 * 224)


def test_silence_that_was_not_sent_is_silence_and_not_loss():
    wire = Wire()
    wire.send_many(range(3))
    wire.now += 4.0
    wire.send(datagram(3, 160 * 3 + 32000, codes(3)))
    heard = wire.close()
    (name,) = heard.starts
    assert heard.length(name) == 4 * 160 + 32000
    assert heard.lost(name) == 0
    assert max(len(chunk.samples) for chunk in heard.chunks[name]) <= 8000


def test_dtmf_comfort_noise_and_control_packets_are_passed_over():
    wire = Wire()
    wire.send_many(range(3))
    wire.send(datagram(3, 0, bytes(4), kind=0x80 | 101))
    wire.send(datagram(4, 0, bytes(1), kind=13))
    wire.send(datagram(4, 0, bytes(16), kind=200))
    wire.send(datagram(5, 480, codes(5)))
    heard = wire.close()
    (name,) = heard.starts
    assert heard.ends[name] == StreamEnd(name, "finished", 640)
    assert not heard.of(Trouble)


def test_an_unknown_payload_is_told_once_and_is_not_loss():
    wire = Wire()
    wire.send_many(range(3))
    for index in range(3, 8):
        wire.send(datagram(index, 0, kind=111))
    wire.send(datagram(8, 480, codes(8)))
    heard = wire.close()
    (trouble,) = heard.of(Trouble)
    assert trouble == Trouble(
        "unsupported", "127.0.0.1 sends payload type 111; set the sender to PCMU (0), PCMA (8), G.722 (9)"
    )
    assert wire.receiver.counts["unsupported"] == 5
    assert sum(end.lost_samples for end in heard.ends.values()) == 0


def test_trouble_is_told_again_after_a_while_with_its_count():
    wire = Wire()
    for _ in range(7):
        wire.send(b"nonsense")
    wire.send(b"nonsense", after_s=11.0)
    assert [(trouble.kind, trouble.count) for trouble in wire.heard.of(Trouble)] == [("bad_data", 1), ("bad_data", 7)]


def test_one_datagram_is_not_yet_a_stream():
    wire = Wire()
    for ssrc in range(1000):
        wire.send(datagram(0, 0, ssrc=ssrc))
    assert wire.heard.order == []
    assert len(wire.receiver._candidates) <= 32


def test_a_duplicated_first_datagram_is_not_a_stream_either():
    wire = Wire()
    wire.send(datagram(5, 0))
    wire.send(datagram(5, 0))
    assert wire.heard.order == []
    wire.send(datagram(6, 160))
    assert wire.close().ends["rtp-1"].position == 320


def test_a_stream_that_begins_swapped_begins_in_order():
    wire = Wire()
    wire.send_many([1, 0, 2, 3])
    heard = wire.close()
    np.testing.assert_array_equal(heard.samples("rtp-1"), g711.MU_LAW[np.repeat(np.arange(4), 160)])


def test_a_new_ssrc_is_a_new_stream_and_the_old_one_ends():
    wire = Wire()
    wire.send_many(range(5))
    for index in range(100):
        wire.send(datagram(9000 + index, 77 + 160 * index, codes(index), ssrc=99))
        wire.tick(0.0)
    heard = wire.close()
    assert heard.ends["rtp-1"] == StreamEnd("rtp-1", "replaced", 800, detail="its sender goes on as another stream")
    assert heard.ends["rtp-2"] == StreamEnd("rtp-2", "finished", 16000)


def test_two_streams_of_one_sender_run_side_by_side():
    wire = Wire()
    for index in range(200):
        wire.send(datagram(index, 160 * index, codes(1), ssrc=1), after_s=0.01)
        wire.send(datagram(index, 160 * index, codes(2), ssrc=2), after_s=0.01)
        wire.tick(0.0)
    heard = wire.close()
    assert [end.position for end in heard.ends.values()] == [32000, 32000]
    assert all((heard.samples(f"rtp-{ssrc}") == g711.MU_LAW[ssrc]).all() for ssrc in (1, 2))


def test_the_same_ssrc_from_elsewhere_cannot_mix_into_a_stream():
    wire = Wire()
    for index in range(10):
        wire.send(datagram(index, 160 * index, codes(1)), port=4000)
        wire.send(datagram(index, 160 * index, codes(2)), port=4001)
    heard = wire.close()
    assert len(heard.starts) == 2
    assert all(len(set(heard.samples(name))) == 1 for name in heard.starts)


def test_a_sender_that_starts_again_is_a_new_stream():
    wire = Wire()
    wire.send_many(range(10))
    for index in range(5):
        wire.send(datagram(30000 + index, 5_000_000 + 160 * index, codes(index)))
    heard = wire.close()
    assert heard.ends["rtp-1"] == StreamEnd("rtp-1", "replaced", 1600, detail="its sender started again")
    # The first of the new ones is what shows it, and is given up (RFC 3550, appendix A.1).
    assert heard.ends["rtp-2"] == StreamEnd("rtp-2", "finished", 640)


def test_one_packet_far_out_of_the_stream_changes_nothing():
    wire = Wire()
    wire.send_many(range(10))
    wire.send(datagram(30000, 0))
    wire.send_many(range(10, 20))
    heard = wire.close()
    assert heard.ends["rtp-1"] == StreamEnd("rtp-1", "finished", 3200)
    assert [trouble.kind for trouble in heard.of(Trouble)] == ["bad_data"]


def test_a_forged_timestamp_does_not_buy_hours_of_silence():
    wire = Wire()
    wire.send_many(range(10))
    for index in range(10, 200):
        wire.send(datagram(index, index * 2**24))
    heard = wire.close()
    assert heard.length("rtp-1") == 200 * 160
    assert wire.receiver.counts["leaps"] == 190
    assert sum(chunk.broken for chunk in heard.chunks["rtp-1"]) == 190


def test_leaps_that_are_small_alone_may_not_add_up():
    """Every packet claims that four seconds were not sent before it: the position may lead the clock by five, no more."""
    wire = Wire()
    for index in range(500):
        wire.send(datagram(index, index * 32160))
    assert wire.close().length("rtp-1") / 8000 <= 500 * 0.02 + 5.0 + 0.02


def test_a_stream_that_falls_silent_times_out():
    wire = Wire(idle_timeout_s=30.0)
    wire.send_many(range(5))
    wire.tick(29.9)
    assert not wire.heard.ends
    wire.tick(0.2)
    assert wire.heard.ends["rtp-1"] == StreamEnd("rtp-1", "timed_out", 800, detail="nothing came for 30 s")


def test_packets_that_wait_are_released_by_time():
    wire = Wire()
    wire.send_many([0, 1, 3])
    assert wire.receiver.is_waiting
    wire.tick(0.07)
    assert not wire.receiver.is_waiting
    assert wire.heard.length("rtp-1") == 640


def test_no_more_streams_than_allowed():
    wire = Wire(max_streams=2)
    for index in range(5):
        for ssrc in range(4):
            wire.send(datagram(index, 160 * index, ssrc=ssrc))
    assert len(wire.heard.starts) == 2
    assert wire.heard.of(Trouble)[0].detail == (
        "127.0.0.1:4000: a stream more than the 2 that are allowed; end one first"
    )


def test_strangers_are_refused_and_told_how_to_be_let_in():
    wire = Wire()
    wire.send(datagram(0, 0), host="192.168.1.7")
    wire.send(datagram(1, 160), host="192.168.1.7")
    (trouble,) = wire.heard.order
    assert trouble.kind == "refused"
    assert trouble.detail == (
        "192.168.1.7 is not allowed to send here (allowed: 127.0.0.0/8, ::1/128); "
        "to let it in, add allow=192.168.1.7 to the source"
    )
    wire = Wire(allow=PeerList.parse(["192.168.1.0/24"]))
    wire.send_many(range(2))
    assert [type(event) for event in wire.heard.order] == [Trouble]


def test_random_datagrams_never_raise(rng):
    """And every promise about positions holds for whatever streams they make."""
    wire = Wire()
    for _ in range(20000):
        head = bytes([0x80, int(rng.choice([0, 8, 13, 101, 111]))])
        body = rng.integers(0, 256, rng.integers(0, 40), dtype=np.uint8).tobytes()
        middle = struct.pack(">HII", rng.choice([0, 1, 2, 3000, 40000, 65535]), rng.integers(2**32), rng.integers(3))
        wire.send(head + middle + body, after_s=float(rng.exponential(0.01)))
        if rng.random() < 0.1:
            wire.tick(float(rng.exponential(1.0)))
    wire.close()
    assert wire.heard.starts


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
    heard = wire.close()
    assert heard.starts["rtp-1"].sample_rate == 16000
    assert heard.ends["rtp-1"] == StreamEnd("rtp-1", "finished", 16000, lost_samples=320)
    np.testing.assert_array_equal(np.flatnonzero(heard.mask("rtp-1")), np.arange(25 * 320, 26 * 320))
    # 5 kHz is above what 8 kHz can carry: both bands are decoded.
    spectrum = np.abs(np.fft.rfft(heard.samples("rtp-1")[:8000]))
    assert np.argmax(spectrum) * 2 == pytest.approx(5000, abs=4)


def test_a_change_of_the_sample_rate_is_a_new_stream():
    pytest.importorskip("av", reason="needs the formats extra")
    wire = Wire()
    wire.send_many(range(5))
    wire.send_many(range(5, 10), kind=9)
    heard = wire.close()
    assert [heard.starts[name].sample_rate for name in heard.starts] == [8000, 16000]
    assert heard.ends["rtp-1"].reason == "replaced"
    assert heard.ends["rtp-2"].position == 5 * 320


def test_g722_without_a_decoder_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    wire = Wire()
    wire.send_many(range(5), kind=9)
    assert not [event for event in wire.heard.order if isinstance(event, (AudioChunk, StreamStart))]
    assert wire.heard.of(Trouble)[0].kind == "unsupported"
    assert wire.heard.of(Trouble)[0].detail == (
        "127.0.0.1:4000: G.722 needs a decoder: pip install 'bonafone[formats]', or offer PCMU or PCMA to the sender"
    )
