"""A Raspberry Pi, emulated, scores as this machine does, with both runtimes and in 32 bits.

Some minutes: the processors are played by a program.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from environments import ROOT, require_registry

from edge.catalog import default_model
from edge.contract import read_contract

TOOL = ROOT / "tools" / "pi_emulation.py"
EXIT_UNAVAILABLE = 3
TARGETS = {
    "arm64-litert": ("ai-edge-litert ", "aarch64", "cortex-a72", 100),
    "arm64-tflite": ("tflite-runtime 2.14.0", "aarch64", "cortex-a72", 100),
    # Fewer, since it takes longest; without soxr there, those at a telephone's rate are left out.
    "armv7l-tflite": ("tflite-runtime 2.14.0", "armv7l", "cortex-a7", 18),
}
"""Runtime, machine, processor, and recordings at least."""


def run_tool(*arguments):
    return subprocess.run([sys.executable, str(TOOL), *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    """What the tool found, by target; skips where the emulation cannot be had."""
    require_registry(tmp_path_factory.mktemp("probe"))
    told = {}
    for names, clips in ((("arm64-litert", "arm64-tflite"), "104"), (("armv7l-tflite",), "24")):
        targets = [part for name in names for part in ("--target", name)]
        done = run_tool("--json", "--clips", clips, *targets)
        if done.returncode == EXIT_UNAVAILABLE:
            pytest.skip(f"a Raspberry Pi cannot be emulated here: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stdout + done.stderr
        told |= {found["target"]: found for found in map(json.loads, done.stdout.splitlines())}
    return told


@pytest.mark.emulation
@pytest.mark.parametrize("target", TARGETS)
def test_a_raspberry_pi_scores_as_this_machine_does(emulated, target):
    found = emulated[target]
    runtime, machine, processor, least = TARGETS[target]
    assert (found["machine"], found["processor"]) == (machine, processor)
    assert found["runtime"].startswith(runtime)
    assert found["model"] == read_contract(default_model()).name
    assert found["clips"] == found["scored"] >= least
    assert found["faults"] == []
    assert found["max_delta"] <= found["bound_nats"]
    assert max(found["listen_delta"], found["bench_delta"]) <= found["bound_nats"]
    assert found["chunks"] > 0 == found["unequal_chunks"]
    # Another processor rounds otherwise somewhere: no difference at all would mean that this one was asked twice.
    assert found["max_delta"] > 0.0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--jobs", "0"), 2, "--jobs: expected 1 or more, got 0"),
        (("--target", "armv6"), 2, "invalid choice: 'armv6'"),
    ],
)
def test_misuse_is_told(arguments, code, told):
    done = run_tool(*arguments)
    assert done.returncode == code
    assert told in done.stderr
