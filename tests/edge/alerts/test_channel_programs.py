"""The terminal, and the channels that run programs: a command, notify-send, and Termux' own."""

from __future__ import annotations

import io
import json
import os
import time

import pytest

from edge.alerts.channels.command import CommandChannel
from edge.alerts.channels.desktop import DesktopChannel
from edge.alerts.channels.terminal import TerminalChannel
from edge.alerts.channels.termux import TermuxNotifyChannel, TermuxVibrateChannel
from edge.alerts.event import DeliveryError
from tests.edge.harness import is_alive, wait_for


@pytest.fixture
def hook(fake_programs, build):
    """Build the channel of a command that does ``script``; it sees HOME, and no secret of another channel."""

    def make(script, *arguments, timeout_s=5.0):
        program = str(fake_programs.add("hook", script))
        around = {"HOME": "/home/me", "BONAFONE_WEBHOOK_SECRET": "hunter2"}
        return build(CommandChannel, around, command=(program, *arguments), timeout_s=timeout_s)

    return make


class TestTerminal:
    def test_it_writes_one_line_with_a_bell(self, build, make_event):
        stream = io.StringIO()
        build(TerminalChannel, terminal=stream).send(make_event("x", caller_name="a\nb\x1b[2J"))
        text = stream.getvalue()
        assert text[0] == "\a"
        assert text.endswith(" Synthetic voice suspected: mic, caller a?b?[2J, 3 % real\n")
        assert text.count("\n") == 1

    def test_the_bell_can_be_off(self, build, event):
        stream = io.StringIO()
        build(TerminalChannel, terminal=stream, bell=False).send(event)
        assert "\a" not in stream.getvalue()

    def test_one_that_is_gone_is_a_failed_attempt(self, build, event):
        stream = io.StringIO()
        channel = build(TerminalChannel, terminal=stream)
        stream.close()
        with pytest.raises(DeliveryError, match="the terminal cannot be written to"):
            channel.send(event)


class TestCommand:
    def test_it_gets_the_event_on_standard_input_and_facts_in_its_environment(
        self, hook, fake_programs, event, tmp_path
    ):
        hook(f"cat > {tmp_path}/stdin; env > {tmp_path}/env", "--loud", "a b; $(touch x)").send(event)
        assert json.loads((tmp_path / "stdin").read_text()) == json.loads(event.to_json())
        seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
        prefix = "BONAFONE_EVENT_"
        assert {name.removeprefix(prefix): text for name, text in seen.items() if name.startswith(prefix)} == {
            "ID": event.id,
            "KIND": "spoof",
            "TITLE": "Synthetic voice suspected",
            "VERDICT": "spoof",
            "P_BONAFIDE": "0.0300",
            "SUMMARY": "mic, 3 % real, after 6.2 s of speech",
        }
        assert seen["HOME"] == "/home/me"
        assert "hunter2" not in str(seen)
        assert fake_programs.calls("hook") == [["--loud", "a b; $(touch x)"]]

    def test_one_that_fails_says_its_last_line(self, hook, event):
        with pytest.raises(DeliveryError, match=r"^hook ended with 3: no \?bell$") as caught:
            hook(r"printf 'first\nno \abell\n' >&2; exit 3").send(event)
        assert caught.value.retry

    def test_one_that_reads_nothing_is_no_failure(self, hook, make_event):
        hook("exec <&-; exit 0").send(make_event("x", note="n" * 200_000))

    def test_one_that_hangs_is_ended_with_its_children(self, hook, event, tmp_path):
        channel = hook(f"sleep 60 & echo $! > {tmp_path}/child; wait", timeout_s=0.5)
        start = time.monotonic()
        with pytest.raises(DeliveryError, match=r"hook took longer than 0\.5 s and was ended"):
            channel.send(event)
        assert time.monotonic() - start < channel.longest_s
        child = int((tmp_path / "child").read_text())
        wait_for(lambda: not is_alive(child))

    def test_one_that_vanished_later_is_a_failed_attempt(self, hook, event, fake_programs):
        channel = hook("")
        os.unlink(fake_programs.add("hook"))
        with pytest.raises(DeliveryError, match=r"hook cannot be started \(No such file or directory\)"):
            channel.send(event)

    def test_its_program_may_be_given_by_name_or_below_the_home(self, build, fake_programs, event, monkeypatch):
        monkeypatch.setenv("HOME", str(fake_programs.add("hook").parent))
        for program in ("hook", "~/hook"):
            build(CommandChannel, command=(program,)).send(event)
        assert len(fake_programs.calls("hook")) == 2


class TestTermux:
    def test_the_phone_vibrates_in_pulses_even_in_silent_mode(self, build, fake_programs, event):
        fake_programs.add("termux-vibrate")
        build(TermuxVibrateChannel, pulses_ms=(800, 400), pause_ms=300).send(event)
        assert fake_programs.calls("termux-vibrate") == [["-d", "800", "-f"], ["-d", "400", "-f"]]
        assert build.slept == [1.1]

    def test_a_notification_is_replaced_by_a_second_attempt(self, build, fake_programs, event):
        fake_programs.add("termux-notification")
        channel = build(TermuxNotifyChannel)
        channel.send(event)
        channel.send(event)
        first, second = fake_programs.calls("termux-notification")
        assert first == second
        options = dict(zip(first[:6:2], first[1:6:2], strict=True))
        assert options == {
            "--id": event.id,
            "--title": "Synthetic voice suspected",
            "--content": "mic, 3 % real, after 6.2 s of speech",
        }
        assert first[6:] == ["--priority", "max", "--sound", "--alert-once"]

    def test_a_failing_vibration_is_tried_again(self, build, fake_programs, event):
        fake_programs.add("termux-vibrate", "exit 1")
        with pytest.raises(DeliveryError, match="termux-vibrate ended with 1"):
            build(TermuxVibrateChannel).send(event)


class TestDesktop:
    def test_notify_send_gets_title_and_text_and_no_markup(self, build, fake_programs, make_event, tmp_path):
        fake_programs.add("notify-send", f"env > {tmp_path}/env")
        bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus"}
        build(DesktopChannel, bus).send(make_event("x", source="--help <b>"))
        (call,) = fake_programs.calls("notify-send")
        assert call[:3] == ["--urgency=critical", "--app-name=bonafone", "--"]
        assert call[3:] == ["Synthetic voice suspected", "--help &lt;b&gt;, 3 % real"]
        assert "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus" in (tmp_path / "env").read_text()

    def test_no_session_is_a_failed_attempt(self, build, fake_programs, event):
        fake_programs.add("notify-send", "echo 'Cannot autolaunch D-Bus without X11 $DISPLAY' >&2; exit 1")
        with pytest.raises(DeliveryError, match="notify-send ended with 1: Cannot autolaunch D-Bus") as caught:
            build(DesktopChannel).send(event)
        assert caught.value.retry
