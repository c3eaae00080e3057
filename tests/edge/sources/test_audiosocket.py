"""The byte format and the state of one connection; no sockets."""

from __future__ import annotations

import struct
import uuid

import numpy as np
import pytest

from edge.sources.audiosocket import Audio, Hangup, Identify, MessageReader, PeerError
from edge.sources.audiosocket_source import Call, CallLimits
from edge.sources.backlog import TroubleMeter
from edge.sources.events import BadDataError, Trouble
from tests.edge.sources.conftest import Received

CALL = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13")


def message(kind, payload=b""):
    return struct.pack(">BH", kind, len(payload)) + payload


HELLO = message(0x01, CALL.bytes)
FRAME = message(0x10, (np.arange(160) * 100).astype("<i2").tobytes())


class Connection:
    def __init__(self, **limits):
        self.taken = set()
        self.got = Received()
        self.now = 10.0
        limits = CallLimits(**limits)
        self.call = Call("call-1", "127.0.0.1:5", self.now, limits, TroubleMeter(), lambda call: call not in self.taken)

    def feed(self, data, after_s=0.0):
        self.now += after_s
        self._add(self.call.feed(data, self.now))
        return self

    def wait(self, seconds):
        self.now += seconds
        self._add(self.call.expire(self.now))
        return self

    def close(self, **how):
        self._add(self.call.closed(self.now, **how))
        return self.got

    def _add(self, events):
        for event in events:
            self.got.add(event)


def test_the_bytes_of_a_call():
    """Written out by hand, so that no packing of ours can be wrong twice."""
    data = bytes.fromhex("01 0010 40325ec25efd4bd3805f53576e581d13 10 0004 0080ff7f 03 0001 35 ff 0001 02 00 0000")
    identify, audio, error, hangup = MessageReader().feed(data)
    assert identify == Identify(CALL)
    assert audio.sample_rate == 8000
    assert audio.samples.tolist() == [-1.0, 32767 / 32768]
    assert (error, hangup) == (PeerError(2), Hangup())


def test_every_sample_rate():
    """The numbers of Asterisk's res_audiosocket.c."""
    rates = {0x10: 8000, 0x11: 12000, 0x12: 16000, 0x13: 24000, 0x14: 32000, 0x15: 44100, 0x16: 48000, 0x17: 96000}
    for kind, rate in {**rates, 0x18: 192000}.items():
        (audio,) = MessageReader().feed(message(kind, bytes(2 * rate // 50)))
        assert (audio.sample_rate, len(audio.samples)) == (rate, rate // 50)


def test_how_the_bytes_arrive_changes_nothing():
    data = HELLO + FRAME * 5 + message(0x77, bytes(1000)) + FRAME + message(0x00)
    for size in (1, 2, 3, 7, 323, 10000):
        reader, found = MessageReader(), []
        for begin in range(0, len(data), size):
            found += reader.feed(data[begin : begin + size])
        assert [type(item) for item in found] == [Identify, *[Audio] * 6, Hangup]
        assert all((item.samples == np.arange(160) * np.float32(100 / 32768)).all() for item in found[1:7])
        assert reader.pending_bytes == 0


def test_a_wrong_length_is_refused_before_its_payload_is_waited_for():
    for head, text in [
        ("01 000f", "an AudioSocket message 0x01 of 15 bytes; expected 16"),
        ("01 ffff", "an AudioSocket message 0x01 of 65535 bytes; expected 16"),
        ("00 0001", "an AudioSocket message 0x00 of 1 bytes; expected 0"),
        ("03 0002", "an AudioSocket message 0x03 of 2 bytes; expected 1"),
        ("10 0141", "an AudioSocket audio message of 321 bytes; expected whole samples of 2 bytes"),
        ("10 fffe", "an AudioSocket audio message of 65534 bytes; expected at most a second (16000 bytes at 8000 Hz)"),
    ]:
        with pytest.raises(BadDataError) as caught:
            MessageReader().feed(bytes.fromhex(head))
        assert str(caught.value).removesuffix(", usually 20 ms") == text


def test_a_message_that_does_not_end_holds_little_memory():
    reader = MessageReader()
    reader.feed(message(0x77, bytes(65535))[:-1])
    assert reader.pending_bytes == 65537


def test_a_call_is_a_stream():
    got = Connection().feed(HELLO + FRAME * 3).feed(message(0x00)).close()
    assert (got.starts["call-1"].call_id, got.starts["call-1"].peer) == (str(CALL), "127.0.0.1:5")
    assert (got.ends["call-1"].reason, got.ends["call-1"].position) == ("finished", 480)
    assert not got.of(Trouble)


def test_closing_ends_a_call_and_a_gap_does_not():
    connection = Connection().feed(HELLO + FRAME).wait(59.0).feed(FRAME).wait(59.0)
    assert not connection.got.ends
    assert connection.close().ends["call-1"].reason == "finished"


def test_a_connection_that_breaks_is_gone_and_one_that_is_cut_is_bad_data():
    end = Connection().feed(HELLO + FRAME).close(failure="the connection broke (reset)").ends["call-1"]
    assert (end.reason, end.detail) == ("gone", "127.0.0.1:5: the connection broke (reset)")
    got = Connection().feed(HELLO + FRAME + FRAME[:100]).close()
    assert got.ends["call-1"].reason == "bad_data"
    assert got.of(Trouble)[0].detail == "127.0.0.1:5: closed inside a message, after 100 bytes of it"


def test_silence_for_too_long_times_out():
    connection = Connection(idle_s=30.0).feed(HELLO + FRAME).wait(29.9)
    assert not connection.call.is_over
    assert connection.wait(0.2).got.ends["call-1"].reason == "timed_out"
    assert connection.call.is_over


def test_a_caller_that_does_not_identify_itself_in_time_is_closed():
    for drip in (b"", b"\x01", b"\x01\x00\x10abc"):
        connection = Connection().feed(drip).wait(1.9)
        assert not connection.call.is_over
        assert connection.wait(0.2).call.is_over
        assert connection.got.of(Trouble)[0].detail == "127.0.0.1:5: no UUID within 2 s; expected AudioSocket"


def test_dripping_bytes_do_not_keep_a_call_alive():
    connection = Connection(idle_s=10.0).feed(HELLO)
    for index in range(30):
        connection.feed(FRAME[index : index + 1]).wait(0.5)
    assert connection.call.is_over


def test_audio_before_the_uuid_is_refused():
    connection = Connection().feed(FRAME + HELLO + FRAME)
    assert connection.call.is_over
    (trouble,) = connection.got.order
    assert trouble.detail == "127.0.0.1:5: its first message is not the UUID; expected AudioSocket"


def test_a_second_uuid_ends_the_call():
    connection = Connection().feed(HELLO + FRAME + HELLO + FRAME)
    assert connection.got.ends["call-1"].reason == "bad_data"
    assert connection.got.length("call-1") == 160


def test_a_uuid_that_is_not_on_the_list_or_is_connected_already_is_refused():
    (trouble,) = Connection(calls=frozenset({uuid.UUID(int=1)})).feed(HELLO + FRAME).got.order
    assert trouble.kind == "refused"
    assert trouble.detail == f"127.0.0.1:5: call {CALL} is not allowed; to let it in, add uuid={CALL} to the source"
    assert Connection(calls=frozenset({CALL})).feed(HELLO + FRAME).got.starts
    connection = Connection()
    connection.taken.add(CALL)
    (trouble,) = connection.feed(HELLO + FRAME).got.order
    assert trouble.detail == f"127.0.0.1:5: call {CALL} is connected already; give each call its own"


def test_a_new_sample_rate_is_a_new_stream_of_the_call():
    got = Connection().feed(HELLO + FRAME + message(0x12, bytes(640)) + message(0x12, bytes(640))).close()
    assert got.ends["call-1"].reason == "replaced"
    assert (got.starts["call-1.2"].sample_rate, got.ends["call-1.2"].position) == (16000, 640)


def test_nothing_is_read_after_a_hang_up():
    connection = Connection().feed(HELLO + FRAME + message(0x00) + FRAME)
    assert connection.got.ends["call-1"].position == 160
    assert connection.close().ends.keys() == {"call-1"}


def test_random_bytes_end_the_connection_and_never_raise(rng):
    for _ in range(100):
        connection = Connection()
        if rng.random() < 0.5:
            connection.feed(HELLO)
        for _ in range(20):
            connection.feed(rng.integers(0, 256, rng.integers(1, 400), dtype=np.uint8).tobytes(), 0.1)
        connection.wait(61.0)
        assert connection.call.is_over
