"""The benchmark measures what it names; how fast is bounded by live calls alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bench import measure, text_table, voice_like
from edge.catalog import default_model
from edge.cli.main import main
from edge.model import Model
from edge.scoring import score_samples

KEYS = {
    "rtf", "ms_per_4s", "ms_per_chunk_p50", "ms_per_chunk_p95", "ms_per_chunk_p99", "cold_start_s", "peak_rss_mb",
    "model_bytes", "parameters", "model", "runtime", "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def result():
    """Measured from a process with 400 MB of its own, which must not show in the figures of `edge score`."""
    ballast = np.ones(50_000_000)
    found = measure(default_model(), repeats=2)
    assert ballast.nbytes == 400_000_000
    return found


@pytest.mark.slow
def test_the_figures_are_there_and_agree_with_each_other(result):
    assert set(result) >= KEYS
    assert result["rtf"] == pytest.approx(result["ms_per_4s"] / 4000)
    assert result["rtf"] < 0.2, "too slow for a call on a board that is ten times slower than a busy test machine"
    assert 0 < result["ms_per_chunk_p50"] <= result["ms_per_chunk_p95"] <= result["ms_per_chunk_p99"]
    assert result["model_bytes"] == default_model().stat().st_size
    assert all(name in text_table(result) for name in KEYS)


@pytest.mark.slow
def test_peak_memory_is_that_of_edge_score_alone(result):
    """A Python with NumPy and LiteRT is tens of megabytes: outside, the unit is wrong or the process another."""
    assert 20 < result["peak_rss_mb"] < 300


def test_without_timing_the_same_work_gives_facts_alone():
    result = CliRunner().invoke(main, ["bench", "--no-timing", "--json"])
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert set(facts) == {"model", "model_bytes", "parameters", "runtime", "cpu", "python", "cm_score"}
    assert facts["cm_score"] == score_samples(Model.load(default_model()), voice_like(4.0, 16000)).cm_score
