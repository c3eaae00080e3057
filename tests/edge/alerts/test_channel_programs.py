"""Channels that run programs: the hook, Termux, and notify-send, with programs that record what they were told."""

from __future__ import annotations

import json
import os
import time

import pytest

from edge.alerts.channels.command import CommandChannel
from edge.alerts.channels.desktop import NotifySendChannel
from edge.alerts.channels.termux import TermuxNotifyChannel, TermuxVibrateChannel
from edge.alerts.errors import DeliveryError, MissingPartError

NOWHERE = {"PATH": "/nowhere"}


@pytest.fixture
def around(fake_programs):
    return {"PATH": fake_programs.path, "HOME": "/home/me", "BONAFONE_WEBHOOK_SECRET": "hunter2"}


def hook(fake_programs, around, script, *arguments, timeout_s=5.0):
    return CommandChannel((str(fake_programs.add("hook", script)), *arguments), timeout_s=timeout_s, environment=around)


def test_a_hook_gets_the_event_on_standard_input_and_facts_in_its_environment(fake_programs, around, event, tmp_path):
    script = f"cat > {tmp_path}/stdin; env > {tmp_path}/env"
    hook(fake_programs, around, script, "--loud", "a b; $(touch x)").send(event)
    assert json.loads((tmp_path / "stdin").read_text()) == json.loads(event.to_json())
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert seen["BONAFONE_EVENT_ID"] == event.id
    assert seen["BONAFONE_EVENT_KIND"] == "spoof"
    assert seen["BONAFONE_EVENT_VERDICT"] == "spoof"
    assert seen["BONAFONE_EVENT_P_BONAFIDE"] == "0.0300"
    assert seen["BONAFONE_EVENT_SUMMARY"] == "mic, 3 % real, after 6.2 s of speech"
    assert seen["HOME"] == "/home/me"
    assert fake_programs.calls("hook") == [["--loud", "a b; $(touch x)"]]


def test_a_hook_does_not_see_the_secrets_of_other_channels(fake_programs, around, event, tmp_path):
    hook(fake_programs, around, f"env > {tmp_path}/env").send(event)
    assert "hunter2" not in (tmp_path / "env").read_text()


def test_a_hook_that_fails_says_its_last_line(fake_programs, around, event):
    with pytest.raises(DeliveryError, match=r"^hook ended with 3: no \?bell$") as caught:
        hook(fake_programs, around, r"printf 'first\nno \abell\n' >&2; exit 3").send(event)
    assert caught.value.retry


def test_a_hook_that_reads_nothing_is_no_failure(fake_programs, around, make_event):
    hook(fake_programs, around, "exec <&-; exit 0").send(make_event("x", note="n" * 200_000))


def test_a_hook_that_hangs_is_ended_with_its_children(fake_programs, around, event, tmp_path):
    channel = hook(fake_programs, around, f"sleep 60 & echo $! > {tmp_path}/child; wait", timeout_s=0.5)
    start = time.monotonic()
    with pytest.raises(DeliveryError, match=r"hook took longer than 0\.5 s and was ended"):
        channel.send(event)
    assert time.monotonic() - start < channel.longest_s
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not alive(child):
            break
        time.sleep(0.02)
    assert not alive(child)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_hook_that_vanished_later_is_a_failed_attempt(fake_programs, around, event):
    channel = hook(fake_programs, around, "")
    os.unlink(channel._command[0])
    with pytest.raises(DeliveryError, match=r"hook cannot be started \(No such file or directory\)"):
        channel.send(event)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: CommandChannel(["no-such-hook"], timeout_s=1.0, environment=NOWHERE),
            "program no-such-hook, which is",
        ),
        (lambda: TermuxVibrateChannel([100], 0, timeout_s=1.0, environment=NOWHERE), "pkg install termux-api"),
        (lambda: TermuxNotifyChannel(timeout_s=1.0, environment=NOWHERE), "needs the program termux-notification"),
        (lambda: NotifySendChannel(timeout_s=1.0, environment=NOWHERE), "install libnotify-bin"),
    ],
)
def test_a_missing_program_is_said_at_the_start_with_what_to_install(build, message):
    with pytest.raises(MissingPartError, match=message):
        build()


def test_the_phone_vibrates_in_pulses_even_in_silent_mode(fake_programs, around, event):
    fake_programs.add("termux-vibrate")
    slept = []
    channel = TermuxVibrateChannel([800, 400], 300, timeout_s=5.0, environment=around, sleep=slept.append)
    channel.send(event)
    assert fake_programs.calls("termux-vibrate") == [["-d", "800", "-f"], ["-d", "400", "-f"]]
    assert slept == [1.1]


def test_the_phone_shows_a_notification_that_a_second_attempt_replaces(fake_programs, around, event):
    fake_programs.add("termux-notification")
    channel = TermuxNotifyChannel(timeout_s=5.0, environment=around)
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


def test_a_failing_vibration_is_tried_again(fake_programs, around, event):
    fake_programs.add("termux-vibrate", "exit 1")
    with pytest.raises(DeliveryError, match="termux-vibrate ended with 1"):
        TermuxVibrateChannel([100], 0, timeout_s=5.0, environment=around).send(event)


def test_notify_send_is_told_title_and_text_and_no_markup(fake_programs, around, make_event):
    fake_programs.add("notify-send")
    NotifySendChannel(timeout_s=5.0, environment=around).send(make_event("x", source="--help <b>"))
    (call,) = fake_programs.calls("notify-send")
    assert call[:3] == ["--urgency=critical", "--app-name=bonafone", "--"]
    assert call[3:] == ["Synthetic voice suspected", "--help &lt;b&gt;, 3 % real"]
