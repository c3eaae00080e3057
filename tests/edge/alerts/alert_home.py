"""A home in which the alerts' commands run as a user starts them, and tables of a configuration to put there."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys

from edge.alerts.outbox import Outbox
from tests.edge.conftest import REPOSITORY

OTHER_SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
TERMINAL = "[alerts.terminal]\nenabled = true\nbell = false"


def webhook(url, *more, enabled=True, secret='secret_env = "HOOK_SECRET"'):
    return "\n".join(("[alerts.webhook]", f"enabled = {str(enabled).lower()}", f'url = "{url}"', secret, *more))


def command(program, enabled=True):
    return f'[alerts.command]\nenabled = {str(enabled).lower()}\ncommand = ["{program}", "--loud"]'


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


class Home:
    """A user's home with a configuration, and `edge` in processes of its own, which see nothing of this one's."""

    def __init__(self, folder):
        self.folder, self.path = folder, os.environ["PATH"]
        self.config, self.outbox = folder / "bonafone.toml", folder / "state" / "alerts.sqlite"

    def configure(self, *tables):
        self.config.write_text("\n".join((f'[alerts]\noutbox = "{self.outbox}"', *tables)) + "\n", encoding="utf-8")

    def start(self, *arguments, **environment):
        where = {"BONAFONE_CONFIG": str(self.config)} if self.config.exists() else {}
        return subprocess.Popen(
            [sys.executable, "-m", "edge", *map(str, arguments)],
            cwd=REPOSITORY,
            env={"PATH": self.path, "HOME": str(self.folder), **where, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments, **environment):
        """Run to the end: exit status, standard output, standard error."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return process.returncode, out, err

    def open_outbox(self, clock):
        return Outbox(self.outbox, clock=clock, rng=random.Random(0))
