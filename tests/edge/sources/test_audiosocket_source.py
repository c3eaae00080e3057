"""A real server on this machine, and clients that speak the format exactly."""

from __future__ import annotations

import socket
import threading
import uuid

import numpy as np
import pytest

from edge.service.source_address import SourceError
from edge.sources.audiosocket_source import AudioSocketSource, CallLimits
from edge.sources.events import Idle, SourceOpenError, Trouble
from edge.sources.peers import PeerList
from tests.edge.sources.conftest import listen, port_of
from tests.edge.sources.test_audiosocket import FRAME, HELLO, message


def source(**options):
    return AudioSocketSource("127.0.0.1", 0, **options)


def dial(opened):
    client = socket.create_connection(("127.0.0.1", port_of(opened)), timeout=10.0)
    client.settimeout(10.0)
    return client


def hello(number):
    return message(0x01, uuid.UUID(int=number).bytes)


def answer(client):
    """Everything the server sends until it closes."""
    received = b""
    try:
        while data := client.recv(100):
            received += data
    except ConnectionResetError:
        pass
    return received


def test_a_call_from_the_first_to_the_last_byte():
    with source() as opened, dial(opened) as client:
        client.sendall(HELLO + FRAME * 50 + message(0x00))
        got = listen(opened, lambda got: got.ends)
        assert (got.ends["call-1"].reason, got.ends["call-1"].position) == ("finished", 8000)
        np.testing.assert_array_equal(got.samples("call-1"), np.tile(np.arange(160) * np.float32(100 / 32768), 50))
        assert answer(client) == b"\0\0\0", "nothing is ever sent but a hang-up"


def test_several_calls_at_once_each_arrive_whole():
    calls, frames = 6, 40
    turn = threading.Barrier(calls)

    def speak(opened, number):
        frame = message(0x12, np.full(320, 100 * number, "<i2").tobytes())
        with dial(opened) as client:
            client.sendall(hello(number))
            for _ in range(frames):
                client.sendall(frame)
                turn.wait(10)

    with source() as opened:
        threads = [threading.Thread(target=speak, args=(opened, number)) for number in range(1, calls + 1)]
        for thread in threads:
            thread.start()
        got = listen(opened, lambda got: len(got.ends) == calls)
        for thread in threads:
            thread.join()
    assert {end.position for end in got.ends.values()} == {320 * frames}
    values = {start.call_id: set(got.samples(name) * 32768) for name, start in got.starts.items()}
    assert values == {str(uuid.UUID(int=number)): {100.0 * number} for number in range(1, calls + 1)}
    order = [event.stream for event in got.order if hasattr(event, "position")]
    assert order != sorted(order), "they ran side by side"


def test_a_bad_caller_does_not_disturb_a_good_one():
    with source() as opened, dial(opened) as good, dial(opened) as bad:
        good.sendall(HELLO + FRAME)
        bad.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer(bad) == b"\0\0\0"
        good.sendall(FRAME * 9 + message(0x00))
        got = listen(opened, lambda got: got.ends)
    assert [end.position for end in got.ends.values()] == [1600]
    assert got.of(Trouble)[0].kind == "bad_data"


def test_a_call_more_than_allowed_is_hung_up():
    with source(limits=CallLimits(max_calls=2)) as opened, dial(opened) as first, dial(opened) as second:
        first.sendall(hello(1) + FRAME)
        second.sendall(hello(2) + FRAME)
        got = listen(opened, lambda got: len(got.starts) == 2)
        with dial(opened) as third:
            assert answer(third) == b"\0\0\0"
        listen(opened, lambda got: got.of(Trouble), got)
        assert got.of(Trouble)[0].detail == (
            "127.0.0.1: a call more than the 2 that are allowed at once; end one, or raise max_calls"
        )
        first.close()
        listen(opened, lambda got: got.ends, got)
        # The place is free again at the server's next turn.
        for _ in range(100):
            with dial(opened) as fourth:
                fourth.sendall(hello(4) + FRAME)
                fourth.settimeout(0.05)
                try:
                    fourth.recv(3)
                except TimeoutError:
                    break
        else:
            pytest.fail("the place of an ended call was never free again")


def test_a_stranger_is_hung_up():
    with source(allow=PeerList.parse(["192.0.2.1"])) as opened, dial(opened) as client:
        assert answer(client) == b"\0\0\0"
        got = listen(opened, lambda got: got.of(Trouble))
    assert got.of(Trouble)[0].detail.startswith("127.0.0.1 is not allowed to send here (allowed: 192.0.2.1/32)")


def test_a_caller_that_says_nothing_is_hung_up():
    with source(limits=CallLimits(identify_s=0.2)) as opened, dial(opened) as client:
        assert answer(client) == b"\0\0\0"


def test_the_same_call_twice_is_refused_until_the_first_ends():
    with source() as opened, dial(opened) as first:
        first.sendall(HELLO + FRAME)
        got = listen(opened, lambda got: got.starts)
        with dial(opened) as second:
            second.sendall(HELLO + FRAME)
            assert answer(second) == b"\0\0\0"
        first.sendall(message(0x00))
        answer(first)
        with dial(opened) as third:
            third.sendall(HELLO + FRAME)
            listen(opened, lambda got: len(got.starts) == 2, got)


def test_a_consumer_that_is_busy_loses_the_oldest_and_the_count_of_it(monkeypatch):
    """Ten seconds are sent while nobody reads; the caller is never held up, and the last second arrives."""
    monkeypatch.setattr("edge.sources.audiosocket_source.MAX_S", 1.0)
    with source() as opened, dial(opened) as client:
        client.sendall(HELLO)
        for index in range(500):
            client.sendall(message(0x10, np.full(160, index, "<i2").tobytes()))
        client.sendall(message(0x00))
        answer(client)
        got = listen(opened, lambda got: got.ends)
    assert got.ends["call-1"].position == 80000
    assert got.ends["call-1"].lost_samples == 72000
    mask = got.mask("call-1")
    assert mask[:72000].all()
    np.testing.assert_array_equal(got.samples("call-1")[72000:] * 32768, np.repeat(np.arange(450, 500), 160))
    assert opened.counts["dropped_samples"] == 72000


def test_a_reset_connection_is_gone_and_not_finished():
    with source() as opened:
        client = dial(opened)
        client.sendall(HELLO + FRAME)
        listen(opened, lambda got: got.starts)
        # Closing with this set sends a reset.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        end = next(event for event in opened if getattr(event, "reason", ""))
    assert end.reason == "gone"
    assert "the connection broke" in end.detail


def test_an_open_port_without_calls_is_idle():
    with source() as opened:
        assert isinstance(next(iter(opened)), Idle)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_a_bug_stops_is_not_a_quiet_end(monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr("edge.sources.audiosocket_source.Call.feed", fail)
    with source() as opened, dial(opened) as client:
        client.sendall(HELLO)
        with pytest.raises(SourceError, match="a bug stopped the server"):
            listen(opened, lambda got: False)
        assert answer(client) == b"\0\0\0", "the caller is not left on a dead line"


def test_closing_hangs_up_and_frees_the_port():
    with source() as opened:
        port = port_of(opened)
        with pytest.raises(SourceOpenError, match=r"cannot listen at port .*; stop the program that has the port"):
            AudioSocketSource("127.0.0.1", port).open()
        client = dial(opened)
        client.sendall(HELLO + FRAME)
        listen(opened, lambda got: got.starts)
    assert answer(client) == b"\0\0\0"
    client.close()
    with AudioSocketSource("127.0.0.1", port):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "audiosocket"]
