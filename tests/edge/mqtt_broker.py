"""A mosquitto of a test's own, and a client that listens in."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from importlib import import_module

import pytest

from tests.edge.harness import free_port, wait_for

# Debian keeps it where ordinary users do not look for programs.
PROGRAM = shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
needs_broker = [
    pytest.mark.mosquitto,
    pytest.mark.skipif(PROGRAM is None, reason="no MQTT broker here: apt install mosquitto"),
]


class RunningBroker:
    """Listens at ``port`` of this machine; ``lines`` of its configuration say who may come, by default everybody."""

    def __init__(self, folder, *lines):
        self.port = free_port()
        self.config = folder / "mosquitto.conf"
        self.config.write_text("\n".join((f"listener {self.port} 127.0.0.1", *(lines or ("allow_anonymous true",)))))
        self.start()

    def start(self):
        self.process = subprocess.Popen([PROGRAM, "-c", self.config], stderr=subprocess.DEVNULL)
        wait_for(self.answers)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Listener:
    """A client that keeps all messages, as (topic, text, retained)."""

    def __init__(self, port):
        # Not every environment of the tests has the extra.
        mqtt = import_module("paho.mqtt.client")
        self.messages, ready = [], threading.Event()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _c, _u, m: self.messages.append((m.topic, m.payload.decode(), bool(m.retain)))
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("#", qos=1)
        self.client.loop_start()
        assert ready.wait(30)

    def texts(self, topic):
        return [text for sent, text, _ in list(self.messages) if sent == topic]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()
