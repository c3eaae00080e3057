"""Machine, runtime, model, configuration, outbox and channels; the receivers are real: TCP ports and mosquitto."""

from __future__ import annotations

import io
import os
import random
import socket
import struct
import sys
import threading
import time
from dataclasses import replace

import pytest

from edge.alerts.channels.channel import ChannelContext
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.outbox import Outbox
from edge.alerts.settings import settings_from_table
from edge.catalog import default_model
from edge.cli.doctor import _readers
from edge.contract import OperatingPoint
from edge.doctor import checks
from tests.edge.conftest import with_contract
from tests.edge.harness import free_port, wait_for
from tests.edge.mqtt_broker import Listener, RunningBroker, needs_broker

NOW = 1795521600.0
POINT = OperatingPoint("balanced", 3.0, -2.0, 0.0, 2.0, 1.0, 60.0, false_alarms_per_h=0.25)
SECRET = "whsec_" + "bXkgc2VjcmV0IG9mIHR3ZW50eSBieXRlcw=="


def by_check(findings):
    return {finding.check: finding for finding in findings}


class TestMachine:
    def test_python_is_named(self):
        (found,) = checks.check_python()
        assert (found.level, found.facts["python"]) == ("ok", ".".join(map(str, sys.version_info[:3])))

    def test_a_clock_before_this_program_is_a_problem(self):
        for now_s in (NOW, 1767225600.0):
            assert next(checks.check_clock(now_s)).level == "ok"
        for now_s in (0.0, 86400.0, 1767225599.0, -1e18, 1e18):
            (found,) = checks.check_clock(now_s)
            assert found.level == "problem"
            assert "timedatectl set-ntp true" in found.advice

    def test_a_service_that_systemd_does_not_supervise_is_a_note(self):
        for environment, level, watchdog_s in [
            ({}, "ok", None),
            ({"WATCHDOG_USEC": "1"}, "ok", 1e-6),
            ({"INVOCATION_ID": "ab"}, "note", None),
            ({"NOTIFY_SOCKET": "/run/x"}, "ok", None),
            ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, "ok", 30.0),
            ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "often"}, "ok", None),
        ]:
            (found,) = checks.check_service(environment)
            assert (found.level, found.facts["watchdog_s"]) == (level, watchdog_s), environment

    def test_a_decoder_that_is_missing_or_broken_says_what_cannot_be_read(self, monkeypatch, tmp_path):
        found = list(checks.check_decoders())
        assert [finding.facts["package"] for finding in found] == ["soxr", "soundfile", "av"]
        assert {finding.level for finding in found[:2]} == {"ok"}
        (tmp_path / "soundfile.py").write_text("raise OSError('sndfile library not found')\n")
        monkeypatch.delitem(sys.modules, "soundfile", raising=False)
        monkeypatch.setitem(sys.modules, "av", None)
        monkeypatch.syspath_prepend(tmp_path)
        _, soundfile, av = checks.check_decoders()
        assert (soundfile.level, av.level) == ("warning", "warning")
        assert "sndfile library not found" in soundfile.seen
        assert av.seen.endswith("M4A, AAC, AMR and 3GP, which phones record, cannot be read")
        assert av.advice == "pip install 'bonafone[formats]'"


class TestModel:
    @pytest.fixture
    def with_points(self, tmp_path):
        """Embed the shipped network with operating points of the test's."""

        return lambda *points: str(with_contract(tmp_path / "points.tflite", operating_points=points))

    def test_the_shipped_model_is_loaded_and_described(self):
        found, model = checks.check_model(None)
        assert model is not None
        assert [finding.check for finding in found] == ["runtime", "model", "points", "speed"]
        assert by_check(found)["model"].facts["path"] == str(default_model())

    def test_operating_points_are_listed_with_their_false_alarms_and_none_is_a_warning(self, with_points):
        path = with_points(POINT, replace(POINT, name="quiet", false_alarms_per_h=None))
        points = by_check(checks.check_model(path)[0])["points"]
        assert (points.level, points.seen) == ("ok", "balanced (0.25 false alarms an hour), quiet")
        points = by_check(checks.check_model(with_points())[0])["points"]
        assert points.level == "warning"
        assert "workbench calibrate" in points.advice

    def test_a_file_that_is_missing_is_a_problem_of_the_model_alone(self, tmp_path):
        found, model = checks.check_model(str(tmp_path / "none.tflite"))
        assert model is None
        assert [(finding.check, finding.level) for finding in found] == [("runtime", "ok"), ("model", "problem")]

    def test_a_model_that_the_runtime_refuses_is_a_problem_with_the_runtimes_words(self, tmp_path):
        """A version of an operator that does not exist yet: what an old runtime says to a new model."""
        path, data = tmp_path / "future.tflite", bytearray(default_model().read_bytes())
        raise_operator_versions(data)
        path.write_bytes(data)
        found, model = checks.check_model(str(path))
        problem = by_check(found)["model"]
        assert (model, problem.level) == (None, "problem")
        assert "Didn't find op for builtin opcode" in problem.seen
        assert "a runtime older than the model" in problem.advice

    def test_a_runtime_that_is_missing_differs_from_one_that_does_not_load(self, monkeypatch, tmp_path):
        """The second is tflite-runtime beside NumPy 2, for example."""
        for name in ("ai_edge_litert", "ai_edge_litert.interpreter"):
            monkeypatch.setitem(sys.modules, name, None)
        with monkeypatch.context() as patch:
            for name in ("tflite_runtime", "tflite_runtime.interpreter"):
                patch.setitem(sys.modules, name, None)
            patch.setattr(checks, "find_spec", lambda name: None)
            (found,), model = checks.check_model(None)
        assert (model, found.level, found.seen.partition(":")[0]) == (None, "problem", "no TFLite runtime is installed")
        assert "bonafone[edge]" in found.advice
        folder = tmp_path / "tflite_runtime"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "interpreter.py").write_text("raise ImportError('numpy.core.multiarray failed to import')\n")
        monkeypatch.setattr(checks, "find_spec", lambda name: name if name == "tflite_runtime" else None)
        monkeypatch.syspath_prepend(tmp_path)
        (found,), _ = checks.check_model(None)
        assert found.seen == "tflite_runtime is installed and does not load (numpy.core.multiarray failed to import)"

    def test_a_machine_that_is_too_slow_is_a_warning(self, model):
        for step_s, level in [(0.1, "ok"), (1.2, "warning")]:
            now = iter(step_s * index for index in range(100))
            found = checks.check_speed(model, clock=lambda now=now: next(now))
            assert found.level == level
            assert found.facts["rtf"] == pytest.approx(step_s / 2.0)


def raise_operator_versions(data):
    """Set the version of every operator of a .tflite to 99: field 2 of the tables in field 1 of the root table."""

    def field(table, number):
        fields = table - struct.unpack_from("<i", data, table)[0]
        slot, size = 4 + 2 * number, struct.unpack_from("<H", data, fields)[0]
        offset = struct.unpack_from("<H", data, fields + slot)[0] if slot < size else 0
        return table + offset if offset else None

    def follow(place):
        return place + struct.unpack_from("<I", data, place)[0]

    vector = follow(field(follow(0), 1))
    for index in range(struct.unpack_from("<I", data, vector)[0]):
        version = field(follow(vector + 4 + 4 * index), 2)
        if version is not None:
            data[version] = 99


class TestConfiguration:
    def test_none_is_a_note(self, tmp_path, monkeypatch):
        monkeypatch.setattr("edge.settings._SYSTEM", tmp_path / "none.toml")
        (found,), tables = checks.check_config(None, {"HOME": str(tmp_path)}, {})
        assert (found.level, tables) == ("note", {})

    def test_one_that_is_missing_or_is_no_toml_is_a_problem(self, tmp_path):
        path = tmp_path / "bonafone.toml"
        assert checks.check_config(path, {}, {})[0][0].level == "problem"
        path.write_text("[alerts\n")
        (found,), tables = checks.check_config(path, {}, {})
        assert (found.level, tables) == ("problem", {})
        assert "not TOML" in found.seen

    def test_a_table_that_is_wrong_is_a_problem_and_the_others_are_used(self, tmp_path):
        path, names = tmp_path / "bonafone.toml", ("alerts", "listen", "watch")
        for wrong in (None, *names):
            path.write_text("".join(f"[{name}]\n" + "nonsense = 1\n" * (name == wrong) for name in names))
            found, tables = checks.check_config(path, {}, _readers())
            assert (found[0].level, found[0].seen) == ("ok", str(path))
            assert [finding.level for finding in found[1:]] == ["problem"] * (wrong is not None)
            assert all("unknown key nonsense" in finding.seen for finding in found[1:])
            assert sorted(tables) == sorted({*names} - {wrong})


class TestOutbox:
    def test_one_that_is_not_there_yet_is_not_made(self, tmp_path):
        (found,) = checks.check_outbox(tmp_path / "state" / "alerts.sqlite", time.time)
        assert found.level == "ok"
        assert "will be made with the first alert" in found.seen
        assert list(tmp_path.iterdir()) == []

    def test_what_waits_is_counted(self, tmp_path):
        path = tmp_path / "alerts.sqlite"
        with Outbox(path, clock=lambda: NOW, rng=random.Random(0)) as outbox:
            for name in "ab":
                outbox.publish(AlertEvent(new_event_id(name), "test", NOW, "mic"), {"webhook": 3600.0})
        (found,) = checks.check_outbox(path, lambda: NOW)
        assert (found.level, found.facts["pending"]) == ("ok", 2)

    def test_a_file_of_another_kind_and_a_place_without_rights_are_problems(self, tmp_path):
        path = tmp_path / "alerts.sqlite"
        path.write_bytes(b"a text of a thousand words" * 100)
        (found,) = checks.check_outbox(path, time.time)
        assert found.level == "problem"
        assert "move the file away" in found.advice
        (found,) = checks.check_outbox(path / "alerts.sqlite", time.time)
        assert found.level == "problem"
        assert "may not be written" in found.seen

    def test_a_disk_that_is_nearly_full_is_a_warning(self, tmp_path, monkeypatch):
        monkeypatch.setattr(checks, "LITTLE_BYTES", 1 << 62)
        found, _ = checks.check_outbox(tmp_path / "alerts.sqlite", time.time)
        assert (found.level, found.advice) == ("warning", "make room on the disk")


@pytest.fixture
def terminal():
    return io.StringIO()


@pytest.fixture
def check_alerts(tmp_path, terminal):
    """Check a table [alerts]; the outbox lies in a folder of the test's."""

    def run(table, *, send=False, **environment):
        settings = settings_from_table({"outbox": str(tmp_path / "alerts.sqlite"), **table})
        context = ChannelContext({"PATH": os.environ["PATH"], **environment}, terminal, lambda: NOW, present=False)
        return list(checks.check_alerts(settings, context, send=send))

    return run


class TestChannels:
    def test_none_that_is_on_is_a_note(self, check_alerts):
        (found,) = check_alerts({})
        assert (found.check, found.level) == ("alerts", "note")

    def test_one_that_cannot_be_built_does_not_hide_the_others(self, check_alerts):
        table = {
            "webhook": {"enabled": True, "url": "http://127.0.0.1:9/", "secret_env": "NO_SUCH_SECRET"},
            "command": {"enabled": True, "command": ["nonesuch-program"]},
            "terminal": {"enabled": True},
        }
        found = by_check(check_alerts(table))
        levels = {name: finding.level for name, finding in found.items()}
        assert levels == {
            "outbox": "ok",
            "alerts.terminal": "ok",
            "alerts.command": "problem",
            "alerts.webhook": "problem",
        }
        assert found["alerts.webhook"].seen == "secret: the environment has no variable NO_SUCH_SECRET"
        assert "nonesuch-program" in found["alerts.command"].seen

    def test_a_host_that_can_be_no_name_is_a_problem(self, check_alerts):
        for name, table in {
            "webhook": {"enabled": True, "url": "http://home..local/", "secret_env": "HOOK"},
            "mqtt": {"enabled": True, "host": "home..local"},
        }.items():
            found = by_check(check_alerts({name: table}, HOOK=SECRET))[f"alerts.{name}"]
            assert found.level == "problem"
            assert "home..local" in found.seen


class TestWebhook:
    @pytest.fixture
    def check(self, check_alerts):
        def run(port, scheme="http"):
            url = f"{scheme}://127.0.0.1:{port}/hook?token=hunter2"
            table = {"webhook": {"enabled": True, "url": url, "secret_env": "HOOK", "timeout_s": 10.0}}
            return by_check(check_alerts(table, HOOK=SECRET))["alerts.webhook"]

        return run

    def test_a_port_that_answers_is_enough_and_gets_no_byte(self, check):
        with socket.create_server(("127.0.0.1", 0)) as server:
            found = check(server.getsockname()[1])
            connection, _ = server.accept()
            with connection:
                connection.settimeout(30)
                assert connection.recv(100) == b""
        assert found.level == "ok"

    def test_a_receiver_that_is_away_is_a_problem_and_its_token_is_not_shown(self, check):
        port = free_port()
        found = check(port)
        assert (found.level, found.seen) == ("problem", f"127.0.0.1:{port} cannot be reached (Connection refused)")
        assert "hunter2" not in repr(found)
        assert SECRET not in repr(found)

    def test_https_to_a_port_without_tls_is_a_problem(self, check):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer():
                connection, _ = server.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            thread = threading.Thread(target=answer)
            thread.start()
            found = check(server.getsockname()[1], "https")
            thread.join(30)
        assert found.level == "problem"
        assert "cannot be reached" in found.seen


class TestBroker:
    def test_one_that_is_away_or_speaks_no_mqtt_is_a_problem(self, check_alerts):
        mqtt = {"enabled": True, "host": "127.0.0.1", "port": free_port(), "timeout_s": 0.5}
        found = by_check(check_alerts({"mqtt": mqtt}))["alerts.mqtt"]
        assert (found.level, "cannot be reached (Connection refused)" in found.seen) == ("problem", True)
        with socket.create_server(("127.0.0.1", 0)) as server:
            found = by_check(check_alerts({"mqtt": {**mqtt, "port": server.getsockname()[1]}}))["alerts.mqtt"]
        assert found.level == "problem"
        assert "does not answer as an MQTT broker" in found.seen

    @pytest.mark.mosquitto
    @needs_broker[1]
    def test_a_real_one_gets_an_event_only_when_asked(self, check_alerts, tmp_path):
        pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (extra alerts)")
        with RunningBroker(tmp_path) as broker, Listener(broker.port) as listener:
            table = {"mqtt": {"enabled": True, "host": "127.0.0.1", "port": broker.port}}
            assert by_check(check_alerts(table))["alerts.mqtt"].level == "ok"
            assert by_check(check_alerts(table, send=True))["alerts.mqtt"].level == "ok"
            wait_for(lambda: len(listener.messages) >= 2)
        # Of the second alone: the first published nothing, and neither left a will or a description.
        assert [topic for topic, *_ in listener.messages] == ["bonafone/bonafone/event", "bonafone/bonafone/alarm"]

    @pytest.mark.mosquitto
    @needs_broker[1]
    def test_a_refused_password_is_a_problem_and_not_shown(self, check_alerts, tmp_path):
        with RunningBroker(tmp_path, "allow_anonymous false") as broker:
            login = {"username": "me", "password_env": "BROKER"}
            table = {"mqtt": {"enabled": True, "host": "127.0.0.1", "port": broker.port, **login}}
            found = by_check(check_alerts(table, BROKER="hunter2"))["alerts.mqtt"]
        assert found.level == "problem"
        assert "Not authorized" in found.seen
        assert "hunter2" not in repr(found)


class TestSending:
    def test_each_that_passed_gets_one_and_each_that_failed_is_reported_once(self, check_alerts, terminal):
        table = {
            "terminal": {"enabled": True},
            "command": {"enabled": True, "command": ["false"]},
            "mqtt": {"enabled": True, "host": "127.0.0.1", "port": free_port()},
        }
        before = [
            ("outbox", "ok"),
            ("alerts.terminal", "ok"),
            ("alerts.command", "ok"),
            ("alerts.mqtt", "problem"),
        ]
        assert [(finding.check, finding.level) for finding in check_alerts(table)] == before
        assert terminal.getvalue() == ""
        found = check_alerts(table, send=True)
        sent = [("alerts.terminal", "ok"), ("alerts.command", "problem")]
        assert [(finding.check, finding.level) for finding in found] == before + sent
        assert found[4].seen.startswith("sent a test, evt_")
        assert terminal.getvalue().count("Test of the alerts: edge doctor, nothing is wrong") == 1

    def test_the_outbox_keeps_it_and_leaves_alone_what_waits(self, check_alerts, tmp_path):
        with Outbox(tmp_path / "alerts.sqlite", clock=lambda: NOW, rng=random.Random(0)) as outbox:
            outbox.publish(AlertEvent(new_event_id("x"), "spoof", NOW, "mic"), {"terminal": 3600.0})
            assert check_alerts({"terminal": {"enabled": True}}, send=True)[-1].level == "ok"
            assert outbox.counts() == {("terminal", "pending"): 1, ("terminal", "done"): 1}

    def test_nothing_is_sent_where_the_outbox_cannot_be_used(self, check_alerts, tmp_path, terminal):
        (tmp_path / "alerts.sqlite").write_bytes(b"a text of a thousand words" * 100)
        found = check_alerts({"terminal": {"enabled": True}}, send=True)
        assert [(finding.check, finding.level) for finding in found] == [
            ("outbox", "problem"),
            ("alerts.terminal", "ok"),
        ]
        assert terminal.getvalue() == ""
