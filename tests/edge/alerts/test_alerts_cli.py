"""`edge alerts test` and `edge alerts list` as a user starts them, against a real receiver, a hook and a broker."""

from __future__ import annotations

import io
import json
import random
import socket
import time
from pathlib import Path

import pytest
from alert_home import OTHER_SECRET, TERMINAL, command, rows, webhook
from alert_receiver import SECRET

from edge.alerts.config import settings_from_table
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.service import Alerts
from tests.edge.mqtt_broker import RunningBroker, needs_broker, until

CHANNELS = list(settings_from_table({}).channels())


def history(home):
    """States and errors by channel of every event, as `edge events` tells them."""
    code, out, _ = home.run("events", "--json")
    assert code == 0
    return [{item["channel"]: item for item in row["deliveries"]} for row in rows(out)]


@pytest.fixture
def hook(home):
    """A program of the user's; `heard` is what it was given."""
    program, heard = home.folder / "on-alert", home.folder / "heard"
    program.write_text(f'#!/bin/sh\necho "$1 $BONAFONE_EVENT_ID $HOOK_SECRET" > {heard}.env\ncat > {heard}\n')
    program.chmod(0o755)
    return program


class TestEverythingIsOffUntilTurnedOn:
    def test_without_a_configuration(self, home):
        if Path("/etc/bonafone/bonafone.toml").exists():
            pytest.skip("this machine has a configuration of its own")
        code, out, err = home.run("alerts", "list")
        assert (code, err) == (0, "configuration: none, so every channel is off\n")
        assert [line.split()[:2] for line in out.splitlines()] == [[name, "off"] for name in CHANNELS]
        code, out, err = home.run("alerts", "test")
        assert (code, out) == (1, "")
        assert "no alert channel is on; put one into ~/.config/bonafone/bonafone.toml" in err
        assert list(home.folder.iterdir()) == []

    def test_a_configuration_that_does_not_say_enabled(self, home, receiver, hook):
        home.configure(webhook(receiver.url, enabled=False), command(hook, enabled=False), "[alerts.desktop]")
        _, out, _ = home.run("alerts", "list", "--json", HOOK_SECRET=SECRET)
        assert [row["enabled"] for row in rows(out)] == [False] * len(CHANNELS)
        assert home.run("alerts", "test", HOOK_SECRET=SECRET)[0] == 1
        code, _, err = home.run("alerts", "test", "--channel", "webhook", HOOK_SECRET=SECRET)
        assert code == 1
        assert err == f"Error: webhook is off; set enabled = true in the table [alerts.webhook] of {home.config}\n"
        assert receiver.requests == []
        assert not home.outbox.exists()


class TestArrived:
    @pytest.fixture(autouse=True)
    def _on(self, home, receiver, hook):
        receiver.check_time = True
        home.configure(TERMINAL, webhook(receiver.url), command(hook))

    def test_one_event_over_every_channel_that_is_on(self, home, receiver):
        code, out, err = home.run("alerts", "test", HOOK_SECRET=SECRET)
        assert (code, out) == (0, "terminal  arrived\ncommand   arrived\nwebhook   arrived\n")
        assert err.endswith(" Test of the alerts: edge alerts test, nothing is wrong, this is a test\n")
        ((headers, event),) = receiver.received
        assert headers["webhook-id"] == event["data"]["id"]
        assert json.loads((home.folder / "heard").read_text()) == event
        # The hook learns the event's identity, and no secret of another channel.
        assert (home.folder / "heard.env").read_text().split() == ["--loud", event["data"]["id"]]
        assert receiver.refused == []

    def test_it_is_kept_with_what_became_of_it(self, home, receiver):
        _, out, _ = home.run("alerts", "test", "--json", HOOK_SECRET=SECRET)
        told = rows(out)
        assert [(row["channel"], row["arrived"]) for row in told] == [
            (name, True) for name in ("terminal", "command", "webhook")
        ]
        assert {row["event_id"] for row in told} == set(receiver.ids())
        (states,) = history(home)
        assert {name: item["state"] for name, item in states.items()} == dict.fromkeys(
            ("terminal", "command", "webhook"), "done"
        )

    def test_one_channel_alone(self, home, receiver):
        code, out, err = home.run("alerts", "test", "--channel", "webhook", HOOK_SECRET=SECRET)
        assert (code, out, err) == (0, "webhook  arrived\n", "")
        assert len(receiver.received) == 1
        assert not (home.folder / "heard").exists()

    def test_a_channel_that_cannot_be_built_keeps_none_of_the_others_from_its_test(self, home, receiver):
        code, out, _ = home.run("alerts", "test")
        assert code == 1
        assert out.splitlines() == [
            "terminal  arrived",
            "command   arrived",
            (
                "webhook   failed: alerts.webhook: secret: the environment has no variable HOOK_SECRET; "
                "set it where the program is started"
            ),
        ]
        assert (home.folder / "heard").exists()
        assert receiver.requests == []

    def test_an_outbox_that_cannot_be_used_is_an_error_before_anything_is_sent(self, home, receiver):
        home.outbox.parent.write_text("a file where the folder should be")
        code, out, err = home.run("alerts", "test", HOOK_SECRET=SECRET)
        assert (code, out) == (1, "")
        assert err.startswith(f"Error: {home.outbox}: the outbox cannot be opened")
        assert len(err.splitlines()) == 1
        assert receiver.requests == []


class TestFailed:
    def test_a_receiver_that_is_away_is_explained_and_nothing_comes_later(self, home, receiver):
        home.configure(webhook(receiver.url))
        receiver.stop()
        code, out, _ = home.run("alerts", "test", HOOK_SECRET=SECRET)
        assert code == 1
        advice = "check url, that the receiver runs, and that both sides have the same secret"
        assert out == f"webhook  failed: 127.0.0.1 cannot be reached (Connection refused); {advice}\n"
        (states,) = history(home)
        assert (states["webhook"]["state"], states["webhook"]["attempts"]) == ("expired", 1)
        receiver.start()
        with service(home, receiver.url) as alerts:
            publish(alerts, "real")
        assert [event["data"]["source"] for _, event in receiver.received] == ["real"]

    def test_one_that_never_answers_ends_with_the_time(self, home):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            home.configure(webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/", "timeout_s = 120"))
            code, out, _ = home.run("alerts", "test", "--timeout-s", "1", "--json", HOOK_SECRET=SECRET)
        (told,) = rows(out)
        assert (code, told["arrived"], told["problem"]) == (1, False, "nothing came back in 1 s")
        (states,) = history(home)
        assert states["webhook"]["state"] == "expired"

    def test_the_channels_own_time_limit_is_named(self, home):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            home.configure(webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/", "timeout_s = 0.5"))
            code, out, _ = home.run("alerts", "test", HOOK_SECRET=SECRET)
        assert code == 1
        assert "127.0.0.1 cannot be reached (no answer within 0.5 s); " in out

    def test_what_a_hook_says_is_told(self, home, hook):
        hook.write_text("#!/bin/sh\necho 'the siren is unplugged' >&2\nexit 3\n")
        home.configure(command(hook))
        code, out, _ = home.run("alerts", "test")
        assert code == 1
        assert out.startswith("command  failed: on-alert ended with 3: the siren is unplugged; run the command by hand")


def service(home, url):
    """What `edge listen` holds, in this process, with retries that a test can wait for."""
    table = {
        "outbox": str(home.outbox),
        "retry": {"first_s": 0.05, "longest_s": 0.1},
        "webhook": {"enabled": True, "url": url, "secret_env": "S"},
    }
    return Alerts(settings_from_table(table), environment={"S": SECRET}, terminal=io.StringIO(), rng=random.Random(0))


def publish(alerts, source):
    event = AlertEvent(new_event_id(source), "spoof", time.time(), source)
    alerts.publish(event, cooldown_s=0.0)
    assert alerts.wait(event.id, timeout_s=30.0)


class TestBesideTheService:
    def test_a_wrong_secret_does_not_turn_waiting_alerts_into_refused_ones(self, home, receiver, make_event):
        with home.open_outbox(time.time) as outbox:
            outbox.publish(make_event("waiting"), {"webhook": 3600.0})
        home.configure(webhook(receiver.url))
        code, out, _ = home.run("alerts", "test", HOOK_SECRET=OTHER_SECRET)
        assert code == 1
        assert "127.0.0.1 answered 401" in out
        _, out, _ = home.run("alerts", "list", "--json", HOOK_SECRET=SECRET)
        told = {row["channel"]: (row["pending"], row["dead"]) for row in rows(out)}
        assert told["webhook"] == (1, 0)
        assert len(receiver.refused) == 1

    def test_a_running_service_does_not_answer_for_a_configuration_that_it_does_not_have(
        self, home, receiver, free_port
    ):
        home.configure(webhook(f"http://127.0.0.1:{free_port}/"))
        with service(home, receiver.url) as alerts:
            code, out, _ = home.run("alerts", "test", HOOK_SECRET=SECRET)
            publish(alerts, "after the test")
        assert code == 1
        assert "Connection refused" in out
        assert [event["data"]["source"] for _, event in receiver.received] == ["after the test"]


class TestList:
    def test_what_waits_and_what_was_refused_is_counted(self, home, make_event):
        with home.open_outbox(time.time) as outbox:
            for key in "ab":
                outbox.publish(make_event(key), {"webhook": 3600.0, "gpio": 3600.0})
            outbox.succeeded(outbox.claim("gpio", lease_s=60.0))
        home.configure()
        code, out, err = home.run("alerts", "list")
        assert (code, err) == (0, f"configuration: {home.config}\n")
        lines = {line.split()[0]: line for line in out.splitlines()}
        assert "  2 pending    0 dead" in lines["webhook"]
        assert "  1 pending    0 dead" in lines["gpio"]

    def test_what_is_missing_is_said_with_what_to_do(self, home):
        home.configure('[alerts.command]\nenabled = true\ncommand = ["/no/such/program"]')
        code, out, _ = home.run("alerts", "list")
        assert code == 0
        assert "on     0 pending    0 dead  needs program /no/such/program (missing)\n" in out
        assert "program /no/such/program is missing: check the path in command" in out

    def test_looking_makes_no_outbox(self, home):
        home.configure(TERMINAL)
        assert home.run("alerts", "list")[0] == 0
        assert not home.outbox.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("test", "--channel", "pigeon"), "no channel 'pigeon'; expected one of terminal, desktop, command"),
        (("test", "--timeout-s", "0"), "0.0 is not in the range"),
        (("test", "--timeout-s", "nan"), "expected 1 to 600"),
        (("test", "--timeout-s", "inf"), "inf is not in the range"),
        (("list", "--config", "/no/such/file.toml"), "/no/such/file.toml: cannot read the configuration"),
        (("test", "--config", "/no/such/file.toml"), "/no/such/file.toml: cannot read the configuration"),
        (("send",), "No such command 'send'"),
    ],
)
def test_misuse_is_explained_and_exits_with_2(home, arguments, message):
    home.configure(TERMINAL)
    code, out, err = home.run("alerts", *arguments)
    assert (code, out) == (2, "")
    assert message in err


class TestBroker:
    pytestmark = needs_broker

    @pytest.fixture
    def configured(self, home):
        pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (extra alerts)")

        def configure(broker, *more):
            home.configure("[alerts.mqtt]", "enabled = true", 'host = "127.0.0.1"', f"port = {broker.port}", *more)

        return configure

    def test_the_test_arrives_and_leaves_no_word_of_the_device(self, home, configured, tmp_path):
        mqtt = pytest.importorskip("paho.mqtt.client")
        broker, heard, subscribed = RunningBroker(tmp_path), [], []
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.on_message = lambda _c, _u, message: heard.append((message.topic, message.payload.decode()))
        client.on_subscribe = lambda *_: subscribed.append(True)
        try:
            client.connect("127.0.0.1", broker.port)
            client.subscribe("#", qos=1)
            client.loop_start()
            until(lambda: subscribed)
            configured(broker)
            assert home.run("alerts", "test")[:2] == (0, "mqtt  arrived\n")
            until(lambda: len(heard) == 2)
            # Of the device's availability it says nothing: a service beside it stands for that.
            assert [topic for topic, _ in heard] == ["bonafone/bonafone/event", "bonafone/bonafone/alarm"]
            assert json.loads(heard[0][1])["type"] == "alert.test"
        finally:
            client.disconnect()
            client.loop_stop()
            broker.stop()

    def test_a_refused_password_is_said_and_not_shown(self, home, configured, tmp_path):
        broker = RunningBroker(tmp_path, "allow_anonymous false")
        try:
            configured(broker, 'username = "me"', 'password_env = "BROKER"', "timeout_s = 1")
            code, out, err = home.run("alerts", "test", BROKER="hunter2")
        finally:
            broker.stop()
        assert code == 1
        assert "(it answered: Not authorized); check host, port, username, password and tls" in out
        assert "hunter2" not in out + err
