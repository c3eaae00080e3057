"""RTP over real sockets, from a sender of ours and from ffmpeg."""

from __future__ import annotations

import shutil
import socket
import subprocess

import numpy as np
import pytest

from edge.audio import g711
from edge.sources.events import Idle, SourceOpenError, StreamEnd
from edge.sources.rtp_source import RtpReceiver, RtpSource
from tests.edge.conftest import write_wav
from tests.edge.sources.conftest import listen, port_of
from tests.edge.sources.test_rtp import codes, datagram


def source(**options):
    return RtpSource("127.0.0.1", 0, RtpReceiver(**options))


def test_datagrams_become_audio_in_order():
    with source() as opened, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        order = list(range(30))
        order[3], order[4] = 4, 3
        order.remove(10)
        for index in order:
            sender.sendto(datagram(index, 160 * index, codes(index)), ("127.0.0.1", port_of(opened)))
        got = listen(opened, lambda got: got.starts and got.length("rtp-1") == 30 * 160)
    lost = np.repeat(np.arange(30), 160) == 10
    np.testing.assert_array_equal(got.mask("rtp-1"), lost)
    np.testing.assert_array_equal(got.samples("rtp-1")[~lost], g711.MU_LAW[np.repeat(np.arange(30), 160)][~lost])
    assert opened.counts["lost_packets"] == 1


def test_an_open_port_without_a_sender_is_idle_and_never_ends():
    with source() as opened:
        got = listen(opened, lambda got: len(got.order) == 2)
    assert all(isinstance(event, Idle) for event in got.order)
    assert got.order[1].waited_s > got.order[0].waited_s >= 1.0


def test_a_stream_that_stops_times_out_while_the_source_goes_on(monkeypatch):
    monkeypatch.setattr("edge.sources.rtp_source.IDLE_TIMEOUT_S", 0.3)
    with source() as opened, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for index in range(5):
            sender.sendto(datagram(index, 160 * index), ("127.0.0.1", port_of(opened)))
        got = listen(opened, lambda got: got.ends)
        assert got.ends["rtp-1"].reason == "timed_out"
        for index in range(5):
            sender.sendto(datagram(index, 160 * index), ("127.0.0.1", port_of(opened)))
        listen(opened, lambda got: "rtp-2" in got.starts)


def test_a_port_that_is_taken_is_named_and_closing_frees_it():
    with source() as opened:
        port = port_of(opened)
        with pytest.raises(SourceOpenError) as caught:
            RtpSource("127.0.0.1", port, RtpReceiver()).open()
        assert str(caught.value) == (
            f"rtp://127.0.0.1:{port}: cannot listen at port {port} of 127.0.0.1 (Address already in use); "
            "stop the program that has the port, or choose another port or an address of this machine"
        )
    with RtpSource("127.0.0.1", port, RtpReceiver()):
        pass


@pytest.mark.programs
@pytest.mark.slow
def test_ffmpeg_streams_a_recording(tmp_path, monkeypatch):
    """The recording that ffmpeg sends arrives whole and at its own rate; each tone shows where it lies."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs the program ffmpeg")
    pytest.importorskip("av", reason="needs the formats extra")
    tones = [300.0 + 200.0 * index for index in range(10)]
    for codec, rate, tolerance in [("pcm_mulaw", 8000, 0.02), ("pcm_alaw", 8000, 0.02), ("g722", 16000, 0.05)]:
        time = np.arange(round(0.2 * rate)) / rate
        recording = np.concatenate([0.5 * np.sin(2 * np.pi * tone * time) for tone in tones])
        path = write_wav(tmp_path / "a.wav", recording, rate)
        monkeypatch.setattr("edge.sources.rtp_source.IDLE_TIMEOUT_S", 1.0)
        with source() as opened:
            command = ["ffmpeg", "-loglevel", "error", "-nostdin", "-re", "-i", path, "-acodec", codec, "-f", "rtp"]
            sender = subprocess.Popen([*command, f"rtp://127.0.0.1:{port_of(opened)}"], stdout=subprocess.DEVNULL)
            try:
                got = listen(opened, lambda got: got.ends)
            finally:
                sender.kill()
                sender.wait()
        assert [start.sample_rate for start in got.starts.values()] == [rate]
        end, samples = got.ends["rtp-1"], got.samples("rtp-1")
        assert end == StreamEnd("rtp-1", "timed_out", end.position, 0, "nothing came for 1 s")
        # ffmpeg fills its last packet or leaves out what does not fill one.
        assert abs(end.position - len(recording)) <= 0.04 * rate
        for index, tone in enumerate(tones[:-1]):
            span = samples[round(0.2 * rate * index) :][: round(0.2 * rate)]
            spectrum = np.abs(np.fft.rfft(span * np.hanning(len(span))))
            assert np.argmax(spectrum) * 5.0 == pytest.approx(tone, abs=5.0)
            assert np.abs(span).max() == pytest.approx(0.5, abs=tolerance)
