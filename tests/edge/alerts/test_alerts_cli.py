"""`edge alerts test` and `edge alerts list` against a real receiver, a hook and a broker."""

from __future__ import annotations

import base64
import io
import json
import random
import socket
import time

import pytest

from edge.alerts.channels import CHANNELS
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.service import Alerts
from edge.alerts.settings import settings_from_table
from tests.edge.alert_receiver import SECRET
from tests.edge.harness import free_port, wait_for
from tests.edge.mqtt_broker import Listener, RunningBroker, needs_broker

NAMES = [kind.name for kind in CHANNELS]
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
SECRETS = (SECRET.removeprefix("whsec_"), OTHER_SECRET.removeprefix("whsec_"), "t0ken", "hunter2")
TERMINAL = "[alerts.terminal]\nenabled = true\nbell = false"


def webhook(url, *more, enabled=True, secret='secret_env = "HOOK_SECRET"'):
    return "\n".join(("[alerts.webhook]", f"enabled = {str(enabled).lower()}", f'url = "{url}"', secret, *more))


def command(program, enabled=True):
    return f'[alerts.command]\nenabled = {str(enabled).lower()}\ncommand = ["{program}", "--loud"]'


def history(home):
    """States and errors by channel of every event, as `edge events` shows them."""
    return [{item["channel"]: item for item in row["deliveries"]} for row in home.rows("events")]


@pytest.fixture
def hook(home):
    """A program of the user's; `given` is what it was given."""
    program, given = home.folder / "on-alert", home.folder / "given"
    program.write_text(f'#!/bin/sh\necho "$1 $BONAFONE_EVENT_ID $HOOK_SECRET" > {given}.env\ncat > {given}\n')
    program.chmod(0o755)
    return program


class TestEverythingIsOffUntilTurnedOn:
    def test_without_a_configuration(self, home):
        code, out, err = home.run("alerts", "list")
        assert (code, err) == (0, "configuration: none, so every channel is off\n")
        assert [line.split()[:2] for line in out.splitlines()] == [[name, "off"] for name in NAMES]
        code, out, err = home.run("alerts", "test")
        assert (code, out) == (1, "")
        assert "no alert channel is on; put one into ~/.config/bonafone/bonafone.toml" in err
        assert list(home.folder.iterdir()) == []

    def test_a_configuration_that_does_not_say_enabled(self, home, receiver, hook):
        home.configure(webhook(receiver.url, enabled=False), command(hook, enabled=False), "[alerts.desktop]")
        assert [row["enabled"] for row in home.rows("alerts", "list", HOOK_SECRET=SECRET)] == [False] * len(NAMES)
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

    def test_one_event_over_every_channel_that_is_on_and_what_became_of_it_is_kept(self, home, receiver):
        code, out, err = home.run("alerts", "test", HOOK_SECRET=SECRET)
        assert (code, out) == (0, "terminal  arrived\ncommand   arrived\nwebhook   arrived\n")
        assert err.endswith(" Test of the alerts: edge alerts test, nothing is wrong, this is a test\n")
        ((headers, event),) = receiver.received
        assert headers["webhook-id"] == event["data"]["id"]
        assert json.loads((home.folder / "given").read_text()) == event
        # The hook gets the event's identity, and no secret of another channel.
        assert (home.folder / "given.env").read_text().split() == ["--loud", event["data"]["id"]]
        (states,) = history(home)
        assert {name: item["state"] for name, item in states.items()} == dict.fromkeys(
            ("terminal", "command", "webhook"), "done"
        )

    def test_one_channel_alone(self, home, receiver):
        code, out, err = home.run("alerts", "test", "--channel", "webhook", HOOK_SECRET=SECRET)
        assert (code, out, err) == (0, "webhook  arrived\n", "")
        assert len(receiver.received) == 1
        assert not (home.folder / "given").exists()

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
        assert (home.folder / "given").exists()
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
            (result,) = home.rows("alerts", "test", "--timeout-s", "1", HOOK_SECRET=SECRET)
        assert (result["arrived"], result["problem"]) == (False, "nothing came back in 1 s")
        (states,) = history(home)
        assert states["webhook"]["state"] == "expired"


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
        listed = {row["channel"]: (row["pending"], row["dead"]) for row in home.rows("alerts", "list")}
        assert listed["webhook"] == (1, 0)
        assert len(receiver.refused) == 1

    def test_a_running_service_does_not_answer_for_a_configuration_that_it_does_not_have(self, home, receiver):
        home.configure(webhook(f"http://127.0.0.1:{free_port()}/"))
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
        assert "program /no/such/program is missing: check the first item of its command" in out

    def test_looking_makes_no_outbox(self, home):
        home.configure(TERMINAL)
        assert home.run("alerts", "list")[0] == 0
        assert not home.outbox.parent.exists()


class TestSecrets:
    """Wherever they are, and whatever goes wrong, they are in nothing that is printed."""

    @pytest.fixture
    def printed(self, home):
        """All that the commands print, on both outputs, in both forms."""

        def printed(**environment):
            calls = [("alerts", "list"), ("alerts", "test"), ("events", "--deliveries")]
            calls += [(*call, "--json") for call in calls]
            text = "".join(part for call in calls for part in home.run(*call, **environment)[1:])
            assert not [secret for secret in SECRETS if secret in text]
            return text

        return printed

    def needs(self, home, **environment):
        (row,) = [row for row in home.rows("alerts", "list", **environment) if row["channel"] == "webhook"]
        return [(need["name"], need["present"]) for need in row["needs"]]

    def test_from_the_environment(self, home, receiver, printed):
        home.configure(webhook(receiver.url, 'previous_secret_env = "OLD"'))
        given = {"HOOK_SECRET": SECRET, "OLD": OTHER_SECRET}
        assert self.needs(home, **given) == [("variable HOOK_SECRET", True), ("variable OLD", True)]
        assert "webhook  arrived" in printed(**given)
        assert len(receiver.received) == 2

    def test_from_a_file_which_is_warned_of_where_every_user_can_read_it(self, home, receiver, printed):
        file = home.folder / "secret"
        home.configure(webhook(receiver.url, secret=f'secret_file = "{file}"'))
        assert self.needs(home) == [(f"file {file}", False)]
        file.write_text(SECRET + "\n")
        file.chmod(0o666)
        assert self.needs(home) == [(f"file {file}", True)]
        text = printed()
        assert "webhook  arrived" in text
        assert f"secret file {file}: every user of this machine can use file {file} (its mode is 0666)" in text
        assert "Warning: alerts.webhook: every user of this machine" in text
        file.chmod(0o600)
        assert "every user" not in printed()

    @pytest.mark.parametrize(
        "secret", [OTHER_SECRET, "hunter2", "hunter2 is not base64"], ids=["other", "short", "text"]
    )
    def test_one_that_is_wrong(self, home, receiver, printed, secret):
        home.configure(webhook(receiver.url))
        assert "failed" in printed(HOOK_SECRET=secret)

    def test_urls_of_apprise_and_the_brokers_password(self, home, printed):
        port = free_port()
        for package in ("apprise", "paho.mqtt.client"):
            pytest.importorskip(package, reason=f"{package} is not installed (extra alerts)")
        home.configure(
            '[alerts.apprise]\nenabled = true\nurls_env = "URLS"\ntimeout_s = 2',
            f'[alerts.mqtt]\nenabled = true\nhost = "127.0.0.1"\nport = {port}\ntimeout_s = 0.5',
            'username = "me"\npassword_env = "BROKER"',
        )
        text = printed(URLS=f"json://me:hunter2@127.0.0.1:{port}/t0ken", BROKER="hunter2")
        assert "apprise could not notify service 1" in text
        assert f"not connected to the MQTT broker 127.0.0.1:{port}" in text

    @pytest.mark.parametrize("key", ["secret", "secrt_env"])
    def test_one_written_into_the_configuration_is_refused(self, home, printed, receiver, key):
        home.configure(webhook(receiver.url, secret=f'{key} = "{SECRET}"'))
        assert home.run("alerts", "list")[:2] == (2, "")
        said = "secret is not written into" if key == "secret" else "unknown key secrt_env"
        assert f"alerts.webhook: {said}" in printed()


@pytest.mark.parametrize("arguments", [("alerts", "list"), ("alerts", "test"), ("events",)])
def test_a_broken_configuration_is_named_and_exits_with_2(home, arguments):
    for text, message in {
        "[alerts\n": "not TOML",
        "[alert]\n": "unknown table alert; known are alerts, listen, watch",
        "[alerts.terminal]\nenabeld = true\n": "alerts.terminal: unknown key enabeld; did you mean enabled?",
        "[alerts.webhook]\nenabled = true\n": "alerts.webhook.url is missing; give the receiver's address",
    }.items():
        home.config.write_text(text)
        code, out, err = home.run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f"Error: {home.config}: ")
        assert message in err
        assert len(err.splitlines()) == 1


def test_misuse_is_explained_and_exits_with_2(home):
    for arguments, message in [
        (("test", "--channel", "pigeon"), "no channel 'pigeon'; expected one of terminal, desktop, command"),
        (("test", "--timeout-s", "0"), "0.0 is not in the range"),
        (("test", "--timeout-s", "nan"), "expected 1 to 600"),
        (("test", "--timeout-s", "inf"), "inf is not in the range"),
        (("list", "--config", "/no/such/file.toml"), "/no/such/file.toml: cannot read the configuration"),
        (("send",), "No such command 'send'"),
    ]:
        home.configure(TERMINAL)
        code, out, err = home.run("alerts", *arguments)
        assert (code, out) == (2, "")
        assert message in err


@pytest.mark.mosquitto
@needs_broker[1]
def test_over_mqtt_it_leaves_no_word_of_the_device(home, tmp_path):
    """Of the device's availability it says nothing: a service beside it stands for that."""
    pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (extra alerts)")
    with RunningBroker(tmp_path) as broker, Listener(broker.port) as listener:
        home.configure("[alerts.mqtt]", "enabled = true", 'host = "127.0.0.1"', f"port = {broker.port}")
        assert home.run("alerts", "test")[:2] == (0, "mqtt  arrived\n")
        listener.client.publish("last", qos=1)
        wait_for(lambda: listener.texts("last"))
    topics = [topic for topic, _, _ in listener.messages]
    assert topics == ["bonafone/bonafone/event", "bonafone/bonafone/alarm", "last"]
    assert json.loads(listener.messages[0][1])["type"] == "alert.test"
