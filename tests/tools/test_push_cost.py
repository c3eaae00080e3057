"""The cost of a push, measured on the shipped model; how large it is depends on the machine and is not asked here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "push_cost.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_every_rate_is_measured_in_pieces_of_20_ms():
    done = run("--seconds", "2", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["sample_rate"], row["resampler"]) for row in rows] == [
        (16000, "none"),
        (8000, "soxr"),
        (8000, "numpy"),
        (48000, "numpy"),
    ]
    for row in rows:
        assert row["pushes"] == 100
        assert 0 < row["median_ms"] <= row["p95_ms"] <= row["largest_ms"]
        assert row["share_of_real_time"] > 0
        assert row["piece_ms"] == 20


def test_the_table_shows_what_the_json_does():
    done = run("--seconds", "1")
    assert done.returncode == 0
    header, names, *rows = done.stdout.splitlines()
    assert "one thread, pieces of 20 ms" in header
    assert names == "rate Hz  resampler  median ms  p95 ms  largest ms  of real time"
    assert len(rows) == 4
    assert all(row.endswith(" %") for row in rows)


def test_a_length_that_measures_nothing_is_refused():
    done = run("--seconds", "0")
    assert done.returncode == 2
    assert "--seconds: expected 1 to 3600, got 0" in done.stderr


def test_a_model_that_is_none_is_refused():
    done = run("--model", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("nothing: neither a file nor a shipped model")
