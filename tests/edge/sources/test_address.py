"""The text of a source to its address and its source; whatever is wrong is said with what was expected."""

from __future__ import annotations

import re
import uuid

import pytest

from edge.service.source_address import FORMS, SourceAddress, SourceSyntaxError
from edge.sources.address import SourceOptions, make_source
from edge.sources.audiosocket_source import AudioSocketSource
from edge.sources.command import CommandSource, StandardInput
from edge.sources.microphone import Microphone
from edge.sources.pcm import PcmFormat
from edge.sources.peers import PeerList
from edge.sources.recording import RecordingSource
from edge.sources.rtp_source import RtpSource
from tests.edge.conftest import write_wav
from tests.edge.sources.conftest import Received

CALL = "40325ec2-5efd-4bd3-805f-53576e581d13"


def test_each_form_makes_its_source_and_opens_nothing():
    for text, kind, name in [
        ("mic", Microphone, "mic"),
        ("mic:USB: Audio", Microphone, "mic:USB: Audio"),
        ("cmd:parec --raw", CommandSource, "cmd:parec --raw"),
        ("-", StandardInput, "-"),
        ("file:a:b.wav", RecordingSource, "file:a:b.wav"),
        ("rtp://:5004", RtpSource, "rtp://:5004"),
        ("rtp://127.0.0.1:5004?allow=10.0.0.0/8&max_streams=2", RtpSource, "rtp://127.0.0.1:5004"),
        ("audiosocket://:9092", AudioSocketSource, "audiosocket://:9092"),
        (f"audiosocket://[::1]:9092/?uuid={CALL}&max_calls=4", AudioSocketSource, "audiosocket://::1:9092"),
    ]:
        source = make_source(SourceAddress.parse(text))
        assert (type(source), source.name, source.counts.total()) == (kind, name, 0)


def test_options_reach_the_source():
    source = make_source(
        SourceAddress.parse(f"audiosocket://:9092?allow=10.0.0.1&allow=fd00::/8&uuid={CALL}&max_calls=4")
    )
    assert source._limits.max_calls == 4
    assert source._limits.calls == {uuid.UUID(CALL)}
    assert [str(network) for network in source._allow.networks] == ["10.0.0.1/32", "fd00::/8"]


def test_pace_channel_and_format_reach_the_source(tmp_path, clock):
    path = write_wav(tmp_path / "a.wav", [0.0] * 1600)
    with make_source(SourceAddress.parse(f"file:{path}"), SourceOptions(pace=10.0), clock=clock) as opened:
        Received(opened)
    assert sum(clock.slept) == pytest.approx(0.01)
    with make_source(SourceAddress.parse("cmd:echo abc"), SourceOptions(pcm=PcmFormat(8000, encoding="u8"))) as opened:
        assert Received(opened).length("cmd-1") == 4


def test_what_is_wrong_is_said():
    ports = ("rtp://", "rtp://host", "rtp://:0", "rtp://:70000", "rtp://:x", "audiosocket://[::1:5")
    for text, message in [
        *((name, f"expected {FORMS}") for name in ("", "microphone", "mic:", "file:", "rtp:5004", "http://:80")),
        *((port, f"expected a port from 1 to 65535, as in {port.partition('://')[0]}://:5004") for port in ports),
        ("rtp://:5004/a", "expected host, port and options only, as in rtp://:5004?allow=10.0.0.5"),
        ("rtp://:5004?codec=opus", "no option 'codec'; there are allow, max_streams"),
        ("rtp://:5004?max_streams=0", "max_streams=0: expected a number from 1 to 1000"),
        ("audiosocket://:9092?uuid=7", f"uuid=7: expected a UUID such as {CALL}"),
    ]:
        with pytest.raises(SourceSyntaxError, match=f"^{re.escape(f'source {text!r}: {message}')}$"):
            make_source(SourceAddress.parse(text))
    with pytest.raises(SourceSyntaxError, match=r"^cmd: needs a command that prints PCM, such as cmd:parec"):
        make_source(SourceAddress.parse("cmd:"))
    with pytest.raises(
        SourceSyntaxError, match=r"^allow=10\.0\.0\.300: .*; expected an address such as 192.168.1.7, or"
    ):
        make_source(SourceAddress.parse("rtp://:5004?allow=10.0.0.300"))


def test_a_bare_path_is_answered_with_its_form(tmp_path):
    path = write_wav(tmp_path / "a.wav", [0.0])
    with pytest.raises(SourceSyntaxError) as caught:
        make_source(SourceAddress.parse(str(path)))
    assert str(caught.value).endswith(f"; for a recording write file:{path}")


def test_by_default_only_this_machine_may_send():
    hosts = {"127.0.0.1": True, "127.8.8.8": True, "::1": True, "::ffff:127.0.0.1": True, "10.0.0.1": False}
    for host, allowed in {**hosts, "fe80::1%eth0": False}.items():
        assert PeerList().allows(host) is allowed
