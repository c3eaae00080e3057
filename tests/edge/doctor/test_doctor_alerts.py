"""Configuration, outbox and channels against real receivers: mosquitto, TCP ports."""

from __future__ import annotations

import io
import os
import random
import socket
import threading
import time

import pytest

from edge.alerts.channels.channel import ChannelContext
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.outbox import Outbox
from edge.doctor.alert_checks import check_alerts, check_config, check_outbox
from tests.edge.mqtt_broker import RunningBroker, needs_broker

NOW = 1795521600.0


def around(**environment):
    return ChannelContext({"PATH": os.environ["PATH"], **environment}, io.StringIO(), lambda: NOW, present=False)


def by_check(table, tmp_path, *, send=False, surroundings=None, **environment):
    table = {"outbox": str(tmp_path / "alerts.sqlite"), **table}
    found = check_alerts(table, surroundings or around(**environment), send=send)
    return {finding.check: finding for finding in found}


class TestConfiguration:
    def test_none_is_a_note(self, tmp_path, monkeypatch):
        monkeypatch.setattr("edge.service.config_file._SYSTEM", tmp_path / "none.toml")
        (found,), tables = check_config(None, {"HOME": str(tmp_path)})
        assert (found.level, tables) == ("note", {})

    def test_a_valid_one_is_named(self, tmp_path):
        path = tmp_path / "bonafone.toml"
        path.write_text('[alerts.terminal]\nenabled = true\n[watch]\nfolders = ["calls"]\n[listen]\nsource = "mic"\n')
        (found,), tables = check_config(path, {})
        assert (found.level, found.seen) == ("ok", str(path))
        assert sorted(tables) == ["alerts", "listen", "watch"]

    def test_one_that_is_missing_or_is_no_toml_is_a_problem(self, tmp_path):
        path = tmp_path / "bonafone.toml"
        assert check_config(path, {})[0][0].level == "problem"
        path.write_text("[alerts\n")
        (found,), tables = check_config(path, {})
        assert (found.level, tables) == ("problem", {})
        assert "not TOML" in found.seen

    @pytest.mark.parametrize("table", ["alerts", "listen", "watch"])
    def test_a_table_that_is_wrong_is_a_problem_and_the_others_are_used(self, tmp_path, table):
        path = tmp_path / "bonafone.toml"
        path.write_text(
            "".join(f"[{name}]\n" + "nonsense = 1\n" * (name == table) for name in ("alerts", "listen", "watch"))
        )
        found, tables = check_config(path, {})
        assert [finding.level for finding in found] == ["ok", "problem"]
        assert "unknown key nonsense" in found[1].seen
        assert sorted(tables) == sorted({"alerts", "listen", "watch"} - {table})


class TestOutbox:
    def test_one_that_is_not_there_yet_is_not_made(self, tmp_path):
        (found,) = check_outbox(tmp_path / "state" / "alerts.sqlite", time.time)
        assert found.level == "ok"
        assert "will be made with the first alert" in found.seen
        assert list(tmp_path.iterdir()) == []

    def test_what_waits_is_counted(self, tmp_path):
        path = tmp_path / "alerts.sqlite"
        with Outbox(path, clock=lambda: NOW, rng=random.Random(0)) as outbox:
            for name in "ab":
                event = AlertEvent(new_event_id(name), "test", NOW, "mic")
                outbox.publish(event, {"webhook": 3600.0})
        (found,) = check_outbox(path, lambda: NOW)
        assert (found.level, found.facts["pending"]) == ("ok", 2)

    def test_a_file_that_is_none_is_a_problem(self, tmp_path):
        path = tmp_path / "alerts.sqlite"
        path.write_bytes(b"a text of a thousand words" * 100)
        (found,) = check_outbox(path, time.time)
        assert found.level == "problem"
        assert "move the file away" in found.advice

    def test_a_place_that_cannot_be_written_is_a_problem(self, tmp_path):
        (tmp_path / "file").write_text("")
        (found,) = check_outbox(tmp_path / "file" / "alerts.sqlite", time.time)
        assert found.level == "problem"
        assert "may not be written" in found.seen

    def test_a_disk_that_is_nearly_full_is_warned_of(self, tmp_path, monkeypatch):
        monkeypatch.setattr("edge.doctor.alert_checks.LITTLE_BYTES", 1 << 62)
        found, _ = check_outbox(tmp_path / "alerts.sqlite", time.time)
        assert (found.level, found.advice) == ("warning", "make room on the disk")


def test_no_channel_that_is_on_is_a_note(tmp_path):
    (found,) = by_check({}, tmp_path).values()
    assert (found.check, found.level) == ("alerts", "note")


def test_a_channel_that_cannot_be_built_does_not_hide_the_others(tmp_path):
    table = {
        "webhook": {"enabled": True, "url": "http://127.0.0.1:9/", "secret_env": "NO_SUCH_SECRET"},
        "command": {"enabled": True, "command": ["nonesuch-program"]},
        "terminal": {"enabled": True},
    }
    found = by_check(table, tmp_path)
    assert {name: finding.level for name, finding in found.items()} == {
        "outbox": "ok",
        "alerts.terminal": "ok",
        "alerts.command": "problem",
        "alerts.webhook": "problem",
    }
    assert found["alerts.webhook"].seen == "secret: the environment has no variable NO_SUCH_SECRET"
    assert "check the first item of its command" in found["alerts.command"].advice


def test_no_alert_goes_out_unless_asked_for(tmp_path):
    quiet = around()
    by_check({"terminal": {"enabled": True}}, tmp_path, surroundings=quiet)
    assert quiet.terminal.getvalue() == ""
    found = by_check({"terminal": {"enabled": True}}, tmp_path, send=True, surroundings=quiet)
    assert "Test of the alerts" in quiet.terminal.getvalue()
    assert found["alerts.terminal"].seen.startswith("sent a test, evt_")


class TestWebhook:
    SECRET = "whsec_" + "bXkgc2VjcmV0IG9mIHR3ZW50eSBieXRlcw=="

    def table(self, port, scheme="http"):
        url = f"{scheme}://127.0.0.1:{port}/hook?token=hunter2"
        return {"webhook": {"enabled": True, "url": url, "secret_env": "HOOK", "timeout_s": 10.0}}

    def test_a_port_that_answers_is_enough_and_hears_nothing(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:
            found = by_check(self.table(server.getsockname()[1]), tmp_path, HOOK=self.SECRET)["alerts.webhook"]
            connection, _ = server.accept()
            with connection:
                connection.settimeout(30)
                assert connection.recv(100) == b""
        assert found.level == "ok"

    def test_a_receiver_that_is_away_is_a_problem_and_its_token_is_not_shown(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        found = by_check(self.table(port), tmp_path, HOOK=self.SECRET)["alerts.webhook"]
        assert (found.level, found.seen) == ("problem", f"127.0.0.1:{port} cannot be reached (Connection refused)")
        assert "hunter2" not in repr(found)
        assert self.SECRET not in repr(found)

    def test_https_to_a_port_without_tls_is_a_problem(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer():
                connection, _ = server.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            thread = threading.Thread(target=answer)
            thread.start()
            table = self.table(server.getsockname()[1], "https")
            found = by_check(table, tmp_path, HOOK=self.SECRET)["alerts.webhook"]
            thread.join(30)
        assert found.level == "problem"
        assert "cannot be reached" in found.seen


class TestBroker:
    def test_one_that_is_away_is_a_problem(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        found = by_check({"mqtt": {"enabled": True, "host": "127.0.0.1", "port": port}}, tmp_path)["alerts.mqtt"]
        assert found.level == "problem"
        assert found.seen == f"the broker 127.0.0.1:{port} cannot be reached (Connection refused)"

    def test_a_port_that_speaks_no_mqtt_is_a_problem(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            table = {"mqtt": {"enabled": True, "host": "127.0.0.1", "port": port, "timeout_s": 0.5}}
            found = by_check(table, tmp_path)["alerts.mqtt"]
        assert found.level == "problem"
        assert "does not answer as an MQTT broker" in found.seen

    @pytest.mark.mosquitto
    @needs_broker[1]
    def test_a_real_one_accepts_us_and_gets_an_event_only_when_asked(self, tmp_path):
        mqtt = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (extra alerts)")
        broker = RunningBroker(tmp_path)
        heard, ready = [], threading.Event()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.on_message = lambda _c, _u, message: heard.append(message.topic)
        client.on_subscribe = lambda *_: ready.set()
        try:
            client.connect("127.0.0.1", broker.port)
            client.subscribe("#", qos=1)
            client.loop_start()
            assert ready.wait(30)
            table = {"mqtt": {"enabled": True, "host": "127.0.0.1", "port": broker.port}}
            found = by_check(table, tmp_path)["alerts.mqtt"]
            assert (found.level, found.seen) == ("ok", f"the broker 127.0.0.1:{broker.port} accepts us")
            assert by_check(table, tmp_path, send=True)["alerts.mqtt"].level == "ok"
            deadline = time.monotonic() + 30
            while len(heard) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            # Only of the second: the first published nothing, and neither left a will or a description.
            assert heard == ["bonafone/bonafone/event", "bonafone/bonafone/alarm"]
        finally:
            client.disconnect()
            client.loop_stop()
            broker.stop()

    @pytest.mark.mosquitto
    @needs_broker[1]
    def test_a_refused_password_is_a_problem_and_not_shown(self, tmp_path):
        broker = RunningBroker(tmp_path, "allow_anonymous false")
        try:
            login = {"username": "me", "password_env": "BROKER"}
            table = {"mqtt": {"enabled": True, "host": "127.0.0.1", "port": broker.port, **login}}
            found = by_check(table, tmp_path, BROKER="hunter2")["alerts.mqtt"]
        finally:
            broker.stop()
        assert found.level == "problem"
        assert "Not authorized" in found.seen
        assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "table",
    [
        {"webhook": {"enabled": True, "url": "http://home..local/", "secret_env": "HOOK"}},
        {"mqtt": {"enabled": True, "host": "home..local"}},
    ],
)
def test_a_host_that_can_be_no_name_is_a_problem_and_no_traceback(tmp_path, table):
    (name,) = table
    found = by_check(table, tmp_path, HOOK=TestWebhook.SECRET)[f"alerts.{name}"]
    assert found.level == "problem"
    assert "home..local" in found.seen
