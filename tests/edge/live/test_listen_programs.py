"""`edge listen` against the programs that really feed it: ffmpeg, sipp, and PulseAudio."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess

import numpy as np
import pytest

from tests.edge.conftest import write_wav
from tests.edge.live.conftest import LIMIT_S, free_port, wait_for

pytestmark = pytest.mark.programs

RATE = 8000


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"needs the program {program}")


def call_of(speech, seconds):
    """A voice on the telephone, with pauses in which the line still hums."""
    voice = speech(seconds, RATE)
    time = np.arange(len(voice)) / RATE
    return voice * (np.sin(2 * np.pi * 0.4 * time) > -0.6)


def mu_law(folder, samples):
    """What the other side hears of a call: a WAV that ffmpeg coded and decoded."""
    path, coded = write_wav(folder / "call.wav", samples, RATE), folder / "coded.wav"
    ffmpeg("-i", path, "-c:a", "pcm_mulaw", coded)
    return path, coded


def ffmpeg(*arguments):
    command = ["ffmpeg", "-loglevel", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=LIMIT_S)


def score_of(start, model, path):
    listening = start("--source", f"file:{path}", "--pace", "inf", "--model", model)
    assert listening.ends() == 0
    return listening.of("end")[0]["last"]


def hear_all(listening, seconds):
    """Wait until all of a call but its last packets was heard, then end; return the last state."""
    listening.until(lambda: listening.of("update") and listening.of("update")[-1]["position_s"] >= seconds - 1.3)
    # RTP has no end: the rest comes within the second that the last update may be old.
    listening.until(lambda: listening.of("update")[-1]["state"] == "blind")
    assert listening.stop() == 0
    (end,) = listening.of("end")
    assert end["reason"] == "stopped"
    return end["last"]


def close_to(heard, expected):
    """The sender may leave out or fill what is no whole packet at the end; all before it is the same."""
    assert heard["lost_s"] == 0.0
    assert heard["position_s"] == pytest.approx(expected["position_s"], abs=0.05)
    assert heard["speech_s"] == pytest.approx(expected["speech_s"], abs=0.05)
    assert heard["cm_score"] == pytest.approx(expected["cm_score"], abs=0.05)


def test_a_command_that_prints_pcm_is_the_file_it_reads(start, calm, speech, tmp_path):
    need("ffmpeg")
    path = write_wav(tmp_path / "a.wav", speech(6.0), 16000)
    expected = score_of(start, calm, path)
    listening = start(
        "--source", f"cmd:ffmpeg -loglevel error -nostdin -i {path} -f s16le -ar 16000 -ac 1 -", "--model", calm
    )
    assert listening.ends() == 0
    (end,) = listening.of("end")
    assert end["reason"] == "finished"
    for name in ("cm_score", "speech_s", "position_s", "verdict"):
        assert end["last"][name] == expected[name], name
    assert listening.of("alert") == []


def test_a_call_that_ffmpeg_sends_by_rtp_scores_as_its_recording(start, calm, speech, tmp_path):
    need("ffmpeg")
    path, coded = mu_law(tmp_path, call_of(speech, 8.0))
    expected = score_of(start, calm, coded)
    port = free_port()
    listening = start("--source", f"rtp://127.0.0.1:{port}", "--model", calm)
    wait_for(lambda: _is_taken(port))
    ffmpeg("-re", "-i", path, "-c:a", "pcm_mulaw", "-f", "rtp", f"rtp://127.0.0.1:{port}")
    heard = hear_all(listening, 8.0)
    close_to(heard, expected)
    (begin,) = listening.of("start")
    assert begin["detail"].startswith("PCMU from 127.0.0.1:")
    assert max(item["lag_s"] for item in listening.of("update")) < 8.0


INVITE = """<?xml version="1.0"?>
<scenario name="caller">
 <send retrans="500"><![CDATA[
INVITE sip:callee@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: caller <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
To: callee <sip:callee@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:caller@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=caller 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
 <recv response="100" optional="true"/>
 <recv response="200" rtd="true"/>
 <send><![CDATA[
ACK sip:callee@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: caller <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
To: callee <sip:callee@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Contact: sip:caller@[local_ip]:[local_port]
Max-Forwards: 70
Content-Length: 0

]]></send>
 <nop><action><exec rtp_stream="{audio},1,0"/></action></nop>
 <pause milliseconds="{milliseconds}"/>
 <send retrans="500"><![CDATA[
BYE sip:callee@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: caller <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
To: callee <sip:callee@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Contact: sip:caller@[local_ip]:[local_port]
Max-Forwards: 70
Content-Length: 0

]]></send>
 <recv response="200"/>
</scenario>
"""
ANSWER = """<?xml version="1.0"?>
<scenario name="callee">
 <recv request="INVITE"/>
 <send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=callee 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
 <recv request="ACK"/>
 <recv request="BYE"/>
 <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
</scenario>
"""


def test_a_call_that_sipp_places_scores_as_its_recording(start, calm, speech, tmp_path):
    """sipp answers itself with an SDP that names our port, as a session border controller forks media to a monitor."""
    need("ffmpeg", "sipp")
    path, coded = mu_law(tmp_path, call_of(speech, 8.0))
    expected = score_of(start, calm, coded)
    ffmpeg("-i", path, "-c:a", "pcm_mulaw", "-f", "mulaw", tmp_path / "call.ulaw")
    port, callee = free_port(), free_port()
    (tmp_path / "invite.xml").write_text(INVITE.format(audio=tmp_path / "call.ulaw", milliseconds=9000))
    (tmp_path / "answer.xml").write_text(ANSWER.format(port=port))
    listening = start("--source", f"rtp://127.0.0.1:{port}", "--model", calm)
    wait_for(lambda: _is_taken(port))
    common = ["-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "60"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "cwd": tmp_path, "text": True}
    with subprocess.Popen(["sipp", "-sf", "answer.xml", "-p", str(callee), *common], **quiet) as answering:
        try:
            wait_for(lambda: _is_taken(callee))
            dialled = ["sipp", f"127.0.0.1:{callee}", "-sf", "invite.xml", "-p", str(free_port()), *common]
            done = subprocess.run(dialled, **quiet, timeout=LIMIT_S, check=False)
            assert done.returncode == 0, done.stderr
        finally:
            answering.terminate()
    heard = hear_all(listening, 8.0)
    close_to(heard, expected)


def _is_taken(port):
    """Whether some program listens at a UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@pytest.fixture
def pulse(tmp_path, environment):
    """A PulseAudio of our own with a null sink, whose monitor is the microphone; yields its environment."""
    need("pulseaudio", "parec", "paplay")
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    address = tmp_path / "pulse.socket"
    env = {**environment, "XDG_RUNTIME_DIR": str(runtime), "PULSE_SERVER": f"unix:{address}"}
    command = ["pulseaudio", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes", "-n"]
    command += ["-L", "module-null-sink sink_name=call rate=16000 channels=1"]
    command += ["-L", f"module-native-protocol-unix auth-anonymous=1 socket={address}"]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
        wait_for(lambda: address.exists() or server.poll() is not None)
        if server.poll() is not None:
            pytest.skip(f"pulseaudio does not run here: {server.stderr.read().decode()[-200:]}")
        yield env
        server.send_signal(signal.SIGTERM)


PAREC = "cmd:parec --raw --format=s16le --rate=16000 --channels=1 --latency-msec=50 --device=call.monitor"


def test_what_a_loudspeaker_plays_is_heard_by_the_microphone(start, alarming, pulse, speech, tmp_path):
    listening = start("--source", PAREC, "--model", alarming, env=pulse)
    listening.until(lambda: listening.of("update"))
    path = write_wav(tmp_path / "a.wav", speech(8.0))
    subprocess.run(["paplay", "--device=call", path], env=pulse, check=True, timeout=LIMIT_S)
    listening.until(lambda: listening.alerts("spoof"))
    levels = [item["level_db"] for item in listening.of("update")]
    assert None in levels, "before and after it the sink gives zeros"
    assert max(level for level in levels if level is not None) == pytest.approx(-17.0, abs=6.0)
    # A sink without anything to play gives exact zeros, as a muted microphone does.
    listening.until(lambda: listening.alerts("silenced"))
    assert listening.stop() == 0


def test_a_sound_server_that_dies_is_a_lost_source(start, calm, pulse):
    listening = start("--source", PAREC, "--model", calm, env=pulse)
    listening.until(lambda: listening.of("update"))
    subprocess.run(
        ["pactl", "exit"], env=pulse, check=True, timeout=LIMIT_S, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    listening.until(lambda: listening.alerts("source_lost"))
    assert listening.stop() == 0
    assert os.environ.get("PULSE_SERVER") != pulse["PULSE_SERVER"]
