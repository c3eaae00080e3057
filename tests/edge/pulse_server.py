"""A PulseAudio server of a test's own: a sink into nothing, whose monitor is the microphone, and no sound card.

ALSA's plugin `pulse` (Debian: libasound2-plugins) is the way from PortAudio to it. Programs that are to hear it are
started with `environment`: ALSA and libpulse read theirs once, so no test lets its own process use them.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

NEEDED = {"pulseaudio": "pulseaudio", "pactl": "pulseaudio-utils", "pacat": "pulseaudio-utils"}
ALSA = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"


@functools.cache
def what_is_missing():
    """What to install before a test can use `PulseServer`; empty when all is there."""
    for program, package in NEEDED.items():
        if shutil.which(program) is None:
            return f"no {program} here: apt install {package}"
    if importlib.util.find_spec("sounddevice") is None:
        return "sounddevice is not installed (extra mic)"
    # In a process of its own, which loads PortAudio and asks nothing of it.
    probe = [sys.executable, "-c", "import sounddevice"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        return "no PortAudio here: apt install libportaudio2"
    if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        return "ALSA has no way to PulseAudio here: apt install libasound2-plugins"
    return ""


@contextlib.contextmanager
def running_pulse():
    """Run a `PulseServer`, or skip the test where something that it needs is missing."""
    if missing := what_is_missing():
        pytest.skip(missing)
    # Not pytest's folder: with it, the path of a socket becomes too long.
    folder = Path(tempfile.mkdtemp(prefix="pulse"))
    server = PulseServer(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder)


class PulseServer:
    """Start it, play into it, kill it, start it again."""

    def __init__(self, folder):
        # A socket's path may have 108 characters, and those of pytest's folders are long.
        self.folder = folder
        self.socket = folder / "s"
        (folder / "asoundrc").write_text(ALSA)
        self._own = {
            **os.environ,
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
        }
        self._own.pop("PULSE_SERVER", None)
        self.environment = {
            **self._own,
            "PULSE_SERVER": f"unix:{self.socket}",
            "ALSA_CONFIG_PATH": str(folder / "asoundrc"),
        }
        self._players = []
        self.start()

    def start(self):
        modules = (
            f"module-native-protocol-unix socket={self.socket} auth-anonymous=1",
            "module-null-sink sink_name=nowhere rate=48000 channels=1",
        )
        options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no"]
        command = ["pulseaudio", *options, *(part for module in modules for part in ("-L", module))]
        self.log = open(self.folder / "pulseaudio.log", "ab")  # noqa: SIM115 - closed in `kill`
        self.process = subprocess.Popen(command, env=self._own, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 30
        while b"nowhere.monitor" not in self._ask("pactl", "list", "short", "sources"):
            assert time.monotonic() < deadline, (self.folder / "pulseaudio.log").read_text()
            time.sleep(0.05)

    def _ask(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, check=False).stdout

    def play(self, samples, rate):
        """Play float samples [shape=(n,)] over and over, until `close`."""
        path = self.folder / f"played-{len(self._players)}.raw"
        path.write_bytes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
        script = 'while :; do cat "$0" || exit; done | exec pacat --raw --format=s16le --channels=1 "$@"'
        options = [str(path), f"--rate={rate}", "--device=nowhere", "--latency-msec=100"]
        player = subprocess.Popen(
            ["sh", "-c", script, *options], env=self.environment, start_new_session=True, stderr=subprocess.DEVNULL
        )
        self._players.append(player)

    def kill(self):
        """As a crash would: no goodbye to anybody."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def close(self):
        for player in self._players:
            # The group, for its `cat` too.
            os.killpg(player.pid, 9)
            player.wait()
        self.kill()
