"""The loop itself, in this process, with a real program to listen to and a real outbox."""

from __future__ import annotations

import json
import sys

import pytest

from edge.alerts.settings import AlertSettings
from edge.live.listen import listen
from edge.live.settings import ListenSettings

COOLDOWN_S = 4.0
# The first two runs give a little noise and fail; the third gives nothing for a while, and then ends.
PROGRAM = """
import pathlib, random, sys, time
runs = pathlib.Path(__file__).with_suffix(".runs")
number = len(runs.read_text()) if runs.exists() else 0
runs.write_text("x" * (number + 1))
if number < 2:
    sys.stdout.buffer.write(random.randbytes(32000))
    sys.exit("broken")
time.sleep(8)
"""


@pytest.fixture
def talk(tmp_path):
    script = tmp_path / "talk.py"
    script.write_text(PROGRAM)
    return f"cmd:{sys.executable} {script}"


@pytest.mark.slow
def test_a_source_that_is_lost_again_within_the_cooldown_is_alerted_in_the_end(calm, talk, tmp_path, capsys):
    alerts = AlertSettings(outbox=str(tmp_path / "alerts.sqlite"), cooldown_s=COOLDOWN_S)
    outcome = listen(ListenSettings(source=talk, model=str(calm)), alerts, as_json=True)
    assert not outcome.ended_well, "its last run ended without any audio"
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    alerts_seen = [(item["kind"], item["publication"]) for item in said if item["type"] == "alert"]
    assert alerts_seen == [
        ("source_lost", "published"),
        ("source_back", "published"),
        ("source_lost", "suppressed"),
        ("source_lost", "published"),
    ]
