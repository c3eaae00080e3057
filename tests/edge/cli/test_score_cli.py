"""`edge score` and `edge models`: what they print where, and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import edge.scoring
from edge import __version__
from edge.catalog import default_model
from edge.cli.main import main
from edge.contract import Thresholds, embed_contract, read_contract
from edge.decision import Decision, SpoofPassage
from edge.scoring import Score
from tests.edge.conftest import EXAMPLES, REPOSITORY, with_contract, write_wav


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def process(*arguments, **options):
    """Run `edge` as a process of its own."""
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    outputs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, text=True, check=False, **outputs)


@pytest.fixture
def recording(speech, tmp_path):
    return write_wav(tmp_path / "call.wav", speech(3.0))


@pytest.fixture
def strict_model(tmp_path):
    """The shipped network with thresholds that call every score spoof."""
    return with_contract(tmp_path / "strict.tflite", thresholds=Thresholds(1e6, 2e6))


def test_score_prints_one_json_object_a_recording(recording):
    result = invoke("score", recording, EXAMPLES / "silent.wav", "--json")
    assert result.exit_code == 0
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert set(first) == {
        "path", "channel", "verdict", "p_bonafide", "cm_score", "speech_s", "spoof_s", "spoof_passages",
        "duration_s", "model",
    }  # fmt: skip
    assert first["path"] == str(recording)
    assert first["duration_s"] == 3.0
    assert 0 <= first["p_bonafide"] <= 1
    assert (second["verdict"], second["cm_score"], second["p_bonafide"]) == ("silenced", None, None)


def test_score_prints_a_table_for_people():
    result = invoke("score", EXAMPLES / "too-short.wav", EXAMPLES / "silent.wav")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "verdict    p(bona fide)    speech    length  recording",
        f"too_short             –     0.4 s     0.4 s  {EXAMPLES}/too-short.wav",
        f"silenced              –     0.0 s     3.0 s  {EXAMPLES}/silent.wav",
    ]


def test_timeline_and_channels_are_printed_where_they_are_asked_for(recording):
    assert "0.0 s –" in invoke("score", recording, "--timeline").stdout
    data = json.loads(invoke("score", recording, "--timeline", "--json").stdout)
    assert data["timeline"][-1]["end_s"] == pytest.approx(3.0)
    lines = invoke("score", EXAMPLES / "call-left-bonafide-right-spoof.wav", "--channel", "each", "--json").stdout
    assert [json.loads(line)["channel"] for line in lines.splitlines()] == ["left", "right"]


def test_a_failed_input_is_an_error_on_stderr_the_batch_goes_on_and_the_exit_code_is_1(recording, tmp_path):
    result = invoke("score", tmp_path / "none.wav", recording, "--json")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path}/none.wav: no such file; check the path\n"
    failed, scored = (json.loads(line) for line in result.stdout.splitlines())
    assert failed == {"path": f"{tmp_path}/none.wav", "error": f"{tmp_path}/none.wav: no such file; check the path"}
    assert scored["path"] == str(recording)
    result = invoke("score", recording, "--channel", "right")
    assert result.exit_code == 1
    assert "channel 'right' asked for, but there is 1 channel" in result.stderr


def test_fail_on_spoof_has_an_exit_code_of_its_own(recording, strict_model, tmp_path):
    assert invoke("score", recording, "--model", strict_model).exit_code == 0
    assert invoke("score", recording, "--model", strict_model, "--fail-on", "spoof").exit_code == 3
    assert invoke("score", recording, tmp_path / "none", "--model", strict_model, "--fail-on", "spoof").exit_code == 3
    assert invoke("score", recording, "--model", strict_model, "--fail-on", "spoof-passage").exit_code == 3
    assert invoke("score", EXAMPLES / "silent.wav", "--model", strict_model, "--fail-on", "spoof").exit_code == 0


def test_a_passage_that_is_spoof_is_shown_below_the_row_and_fails_only_where_that_is_asked_for(
    recording, monkeypatch, tmp_path
):
    passage = SpoofPassage(130.2, 154.3, -3.0)
    decision = Decision("bonafide", 1.5, 0.8176, 280.0, 16.4, (), (passage,))
    monkeypatch.setattr(edge.scoring, "score_paths", lambda *_, **__: [Score(recording, "mono", decision, 300.0, "m")])
    result = invoke("score", recording, "--fail-on", "spoof")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        f"bonafide           82 %   280.0 s   300.0 s  {recording}, spoof in 16.4 s of it",
        "    spoof from 2:10 to 2:34, p(bona fide) 5 %",
    ]
    assert invoke("score", recording, "--fail-on", "spoof-passage").exit_code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("score",), ("score", "x.wav", "--fail-on", "bonafide"), ("nonsense",),
        *(("score", "x.wav", "--channel", channel) for channel in ("up", "0", "-1", "1.5")),
    ],
    ids=" ".join,
)  # fmt: skip
def test_misuse_exits_with_2(arguments):
    result = invoke(*arguments)
    assert result.exit_code == 2
    if "--channel" in arguments:
        assert f"expected left, right, mix, each or a number from 1; got {arguments[-1]!r}" in result.stderr


def test_a_model_that_cannot_be_used_is_misuse_and_one_line_says_what_to_do(recording, tmp_path):
    result = invoke("score", recording, "--model", recording)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {recording}: expected a TFLite model (bytes 4 to 8 are b'TFL3'), got "
        f"{recording.read_bytes()[4:8]!r}; give a .tflite made by `workbench quantize`\n"
    )
    contract = read_contract(default_model())
    object.__setattr__(contract, "contract_version", 99)
    path = tmp_path / "future.tflite"
    path.write_bytes(embed_contract(default_model().read_bytes(), contract))
    result = invoke("score", recording, "--model", path)
    assert result.exit_code == 2
    assert "reads contract versions 1 to 2, the model carries 99; quantise the model again" in result.stderr


def test_models_lists_what_is_shipped():
    name = default_model().stem
    assert name in invoke("models").stdout
    facts = {entry["name"]: entry for entry in map(json.loads, invoke("models", "--json").stdout.splitlines())}
    assert facts[name]["model_bytes"] == default_model().stat().st_size
    assert facts[name]["parameters"] > 0


def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path, rng):
    for index in range(40):
        write_wav(tmp_path / f"{index}.wav", 0.01 * rng.standard_normal(16000))
    script = f"{sys.executable} -m edge score {tmp_path} --json | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_decoders_own_messages_are_not_printed(tmp_path):
    whole = (EXAMPLES / "bonafide-librivox.mp3").read_bytes()
    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(whole[:20000] + bytes(range(256)) * 20 + whole[-20000:])
    done = process("score", damaged)
    shown = done.stderr.splitlines()
    assert all(line.startswith(f"Error: {damaged}") for line in shown)
    assert (done.returncode, len(shown)) in ((0, 0), (1, 1))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, which is Linux'")
def test_a_full_disk_under_the_results_is_one_line(recording):
    with open("/dev/full", "w") as full:
        done = process("score", recording, stdout=full)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: a disk is full")


def test_a_closed_stderr_does_not_stop_the_verdict(tmp_path):
    """With stderr closed the verdict still comes, also where progress would be shown."""
    recording = write_wav(tmp_path / "long.wav", np.zeros(65 * 8000), 8000)
    script = f"{sys.executable} -m edge score {recording} --json 2>&-"
    done = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=False, env={**os.environ})
    assert done.returncode == 0
    assert json.loads(done.stdout)["duration_s"] == 65.0


def _on_a_terminal(*arguments):
    """What a process with stderr on a terminal, and stdout not, writes to each."""
    import pty

    own, its = pty.openpty()
    try:
        done = process(*arguments, stderr=its)
        assert done.returncode == 0
        os.set_blocking(own, False)
        try:
            return done.stdout, os.read(own, 65536).decode()
        except BlockingIOError:
            return done.stdout, ""
    finally:
        os.close(own)
        os.close(its)


def test_progress_is_shown_on_a_terminal_and_wiped_and_results_have_no_colour_elsewhere(recording, tmp_path):
    path = write_wav(tmp_path / "long.wav", np.zeros(65 * 8000), 8000)
    stdout, stderr = _on_a_terminal("score", path, recording, "--json")
    assert len([json.loads(line) for line in stdout.splitlines()]) == 2
    assert "recording 1: long.wav, 1 min read" in stderr
    assert "recording 2: call.wav" in stderr
    assert stderr.endswith("\r\x1b[2K")
    stdout, stderr = _on_a_terminal("score", recording)
    assert "\x1b" not in stdout
    assert stderr == ""


def test_an_error_is_one_line_also_where_a_library_writes_to_stderr(recording, tmp_path):
    """The interpreter announces its delegate on stderr before the contract is found not to fit."""
    path = with_contract(tmp_path / "other.tflite", chunk_samples=8192)
    done = process("score", recording, "--model", path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"Error: {path}: the contract's chunk is 8192 samples")


def test_version_is_the_packages():
    assert CliRunner().invoke(main, ["--version"], prog_name="edge").stdout == f"edge, version {__version__}\n"
