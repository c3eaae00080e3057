"""`edge listen` against the programs that really feed it: ffmpeg, sipp, and PulseAudio."""

from __future__ import annotations

import shutil
import socket
import subprocess

import numpy as np
import pytest

from tests.edge.conftest import write_wav
from tests.edge.harness import LIMIT_S, free_port, wait_for
from tests.edge.pulse_server import running_pulse

pytestmark = [pytest.mark.programs, pytest.mark.slow]

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
    """What reaches the other side of a call: a WAV that ffmpeg coded and decoded."""
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


def score_all(listening, seconds):
    """Wait until all of a call but its last packets was scored, then end; return the last state."""
    listening.until(lambda: listening.of("update") and listening.of("update")[-1]["position_s"] >= seconds - 1.3)
    # RTP has no end: the rest comes within the second that the last update may be old.
    listening.until(lambda: listening.of("update")[-1]["state"] == "blind")
    assert listening.stop() == 0
    (end,) = listening.of("end")
    assert end["reason"] == "stopped"
    return end["last"]


def close_to(last, expected):
    """The sender may leave out or fill what is no whole packet at the end; all before it is the same."""
    assert last["lost_s"] == 0.0
    assert last["position_s"] == pytest.approx(expected["position_s"], abs=0.05)
    assert last["speech_s"] == pytest.approx(expected["speech_s"], abs=0.05)
    assert last["cm_score"] == pytest.approx(expected["cm_score"], abs=0.05)


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


def test_a_call_that_ffmpeg_sends_by_rtp_scores_as_its_recording(telephone_call):
    path, expected, port, listening = telephone_call
    ffmpeg("-re", "-i", path, "-c:a", "pcm_mulaw", "-f", "rtp", f"rtp://127.0.0.1:{port}")
    last = score_all(listening, 8.0)
    close_to(last, expected)
    (begin,) = listening.of("start")
    assert begin["detail"].startswith("PCMU from 127.0.0.1:")
    assert max(item["lag_s"] for item in listening.of("update")) < 8.0


def sip_request(method, number, to_tag="", body=""):
    """A request of the caller's, as sipp fills it in."""
    return f"""<![CDATA[
{method} sip:callee@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: caller <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
To: callee <sip:callee@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: sip:caller@[local_ip]:[local_port]
Max-Forwards: 70
{body or "Content-Length: 0"}

]]>"""


def sip_answer(to_tag="", body=""):
    """The callee's 200 to what came last."""
    return f"""<![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]{to_tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{body or "Content-Length: 0"}

]]>"""


def sdp(owner, address, port):
    """What follows the other headers where a side says at which port it takes G.711."""
    return f"""Content-Type: application/sdp
Content-Length: [len]

v=0
o={owner} 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 {address}
t=0 0
m=audio {port} RTP/AVP 0
a=rtpmap:0 PCMU/8000"""


def invite(audio, milliseconds):
    """The scenario of a caller who plays a file and hangs up."""
    known = "[peer_tag_param]"
    return f"""<?xml version="1.0"?>
<scenario name="caller">
 <send retrans="500">{sip_request("INVITE", 1, body=sdp("caller", "[media_ip]", "[auto_media_port]"))}</send>
 <recv response="100" optional="true"/>
 <recv response="200" rtd="true"/>
 <send>{sip_request("ACK", 1, known)}</send>
 <nop><action><exec rtp_stream="{audio},1,0"/></action></nop>
 <pause milliseconds="{milliseconds}"/>
 <send retrans="500">{sip_request("BYE", 2, known)}</send>
 <recv response="200"/>
</scenario>
"""


def answer(port):
    """The scenario of a callee whose audio goes to our port."""
    return f"""<?xml version="1.0"?>
<scenario name="callee">
 <recv request="INVITE"/>
 <send retrans="500">{sip_answer(";tag=[call_number]", sdp("callee", "127.0.0.1", port))}</send>
 <recv request="ACK"/>
 <recv request="BYE"/>
 <send>{sip_answer()}</send>
</scenario>
"""


@pytest.fixture
def telephone_call(start, calm, speech, tmp_path):
    """A call of 8 s, how its recording scores, and a port at which it is listened to."""
    need("ffmpeg")
    path, coded = mu_law(tmp_path, call_of(speech, 8.0))
    expected = score_of(start, calm, coded)
    port = free_port(socket.SOCK_DGRAM)
    listening = start("--source", f"rtp://127.0.0.1:{port}", "--model", calm)
    wait_for(lambda: _is_taken(port))
    return path, expected, port, listening


def test_a_call_that_sipp_places_scores_as_its_recording(telephone_call, tmp_path):
    """sipp answers itself with an SDP that names our port, as a session border controller forks media to a monitor."""
    need("sipp")
    path, expected, port, listening = telephone_call
    ffmpeg("-i", path, "-c:a", "pcm_mulaw", "-f", "mulaw", tmp_path / "call.ulaw")
    callee = free_port(socket.SOCK_DGRAM)
    (tmp_path / "invite.xml").write_text(invite(tmp_path / "call.ulaw", 9000))
    (tmp_path / "answer.xml").write_text(answer(port))
    common = ["-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "60"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "cwd": tmp_path, "text": True}
    with subprocess.Popen(["sipp", "-sf", "answer.xml", "-p", str(callee), *common], **quiet) as answering:
        try:
            wait_for(lambda: _is_taken(callee))
            dialled = [
                "sipp",
                f"127.0.0.1:{callee}",
                "-sf",
                "invite.xml",
                "-p",
                str(free_port(socket.SOCK_DGRAM)),
                *common,
            ]
            done = subprocess.run(dialled, **quiet, timeout=LIMIT_S, check=False)
            assert done.returncode == 0, done.stderr
        finally:
            answering.terminate()
    last = score_all(listening, 8.0)
    close_to(last, expected)


def _is_taken(port):
    """Whether some program listens at a UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@pytest.fixture
def pulse(environment):
    """A PulseAudio server of our own, and what a process needs that is to record from it."""
    with running_pulse() as server:
        yield server, {**server.environment, **environment, "XDG_RUNTIME_DIR": str(server.folder)}


PAREC = "cmd:parec --raw --format=s16le --rate=16000 --channels=1 --latency-msec=50 --device=nowhere.monitor"


@pytest.mark.pulseaudio
@pytest.mark.parametrize("source", [PAREC, "mic"])
def test_what_a_loudspeaker_plays_reaches_the_microphone(start, alarming, pulse, speech, tmp_path, source):
    _, env = pulse
    listening = start("--source", source, "--model", alarming, env=env)
    listening.until(lambda: listening.of("update"))
    path = write_wav(tmp_path / "a.wav", speech(8.0))
    subprocess.run(["paplay", "--device=nowhere", path], env=env, check=True, timeout=LIMIT_S)
    listening.until(lambda: listening.alerts("spoof"))
    levels = [item["level_db"] for item in listening.of("update")]
    assert None in levels, "before and after it the sink gives zeros"
    assert max(level for level in levels if level is not None) == pytest.approx(-17.0, abs=6.0)
    # A sink without anything to play gives exact zeros, as a muted microphone does.
    listening.until(lambda: listening.alerts("silenced"))
    assert listening.stop() == 0
    assert listening.complaints == "", "nothing of what ALSA says of cards that are not there"


@pytest.mark.pulseaudio
@pytest.mark.parametrize("source", [PAREC, "mic"])
def test_a_sound_server_that_dies_is_a_lost_source_and_comes_back(start, calm, pulse, source):
    server, env = pulse
    listening = start("--source", source, "--model", calm, env=env)
    listening.until(lambda: listening.of("update"))
    server.kill()
    listening.until(lambda: listening.alerts("source_lost"))
    server.start()
    listening.until(lambda: listening.alerts("source_back"))
    assert listening.stop() == 0
    assert "ALSA" not in listening.complaints
    assert "Traceback" not in listening.complaints
