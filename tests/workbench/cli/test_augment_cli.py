"""`workbench augment`: what it writes, prints and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from workbench.cli.main import main
from workbench.transmissions import TRANSMISSION_NAMES
from workbench.transmissions.augment_file import long_term_db, spectrogram_db

RATE = 16000


def run(*words):
    return CliRunner().invoke(main, ["augment", *map(str, words)])


@pytest.fixture
def recording(tmp_path, speech):
    soundfile.write(tmp_path / "voice.wav", speech[:24000], RATE)
    return tmp_path / "voice.wav"


def test_a_transmission_is_applied_written_and_told(recording, tmp_path):
    output = tmp_path / "call.flac"
    result = run(recording, "-o", output, "--transmission", "amr-nb-12.2")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"codec: name amr-nb, kbps 12.2\n{output}: 1.50 s\n"
    samples, rate = soundfile.read(output, dtype="float32")
    assert (rate, samples.shape, soundfile.info(output).subtype) == (RATE, (24000,), "PCM_16")
    power = np.abs(np.fft.rfft(samples)) ** 2
    assert power[4100 * 3 // 2 :].sum() < 1e-5 * power.sum()


def test_the_seed_decides(recording, tmp_path):
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        result = run(recording, "-o", tmp_path / f"{name}.wav", "--transmission", "telephone", "--seed", seed, "--json")
        made.append((json.loads(result.stdout)["steps"], (tmp_path / f"{name}.wav").read_bytes()))
    assert made[0] == made[1]
    assert made[0][0] != made[2][0]


def test_a_configuration_is_applied_as_in_training(recording, tmp_path):
    (tmp_path / "c.toml").write_text("[augment]\nnoise = 0\nband_limit = 0\nlevel_db = [-12, -12]\nhum = 1.0\n")
    result = run(recording, "-o", tmp_path / "o.wav", "--config", tmp_path / "c.toml", "--json")
    told = json.loads(result.stdout)
    assert [step["step"] for step in told["steps"]] == ["hum", "level"]
    assert told["steps"][1] == {"step": "level", "peak_db": -12.0}
    assert (told["output"], told["seed"], told["duration_s"]) == (str(tmp_path / "o.wav"), 0, 1.5)
    assert np.abs(soundfile.read(tmp_path / "o.wav")[0]).max() == pytest.approx(10 ** (-12 / 20), abs=1e-3)


def test_what_overshoots_is_turned_down_and_told(tmp_path):
    noise = np.random.default_rng(0).choice([-1.0, 1.0], 16000)
    soundfile.write(tmp_path / "loud.wav", noise, RATE)
    result = run(tmp_path / "loud.wav", "-o", tmp_path / "o.wav", "--transmission", "room", "--json")
    assert json.loads(result.stdout)["steps"][-1] == {"step": "level", "peak_db": 0.0}


def test_recorded_backgrounds_are_drawn_from_a_folder(recording, tmp_path, write_recording):
    write_recording(tmp_path / "noise" / "hiss.wav", 0.1 * np.random.default_rng(0).standard_normal(16000))
    words = ("--transmission", "noise-suppressed", "--noise", tmp_path / "noise")
    assert run(recording, "-o", tmp_path / "o.wav", *words).exit_code == 0
    result = run(recording, "-o", tmp_path / "o.wav", "--transmission", "room", "--noise", tmp_path / "noise" / "..")
    assert result.exit_code == 0
    (tmp_path / "empty").mkdir()
    result = run(recording, "-o", tmp_path / "o.wav", "--transmission", "room", "--noise", tmp_path / "empty")
    assert result.exit_code == 1
    assert "no .flac, .wav, .ogg recording found" in result.stderr


@pytest.mark.slow
def test_the_plot_is_a_picture_with_something_on_it(recording, tmp_path):
    from matplotlib.image import imread

    result = run(recording, "-o", tmp_path / "o.wav", "--transmission", "g711-mu", "--plot", tmp_path / "p.png")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith(f"; plot: {tmp_path / 'p.png'}\n")
    picture = imread(tmp_path / "p.png")
    assert picture.shape[0] > 600
    assert picture.shape[1] > 800
    assert picture[..., :3].std() > 0.1


TOO_LONG = "x" * 300
"""For the name of a file."""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "give FILE and -o OUTPUT, or --list"),
        (["{voice}"], 2, "give FILE and -o OUTPUT"),
        (["{voice}", "-o", "{tmp}/o.wav"], 2, "give one of --transmission NAME (see --list) and --config CONFIG"),
        (["{voice}", "-o", "{tmp}/o.wav", "--transmission", "gsm", "--config", "tcn"], 2, "give one of"),
        (["{voice}", "-o", "{tmp}/o.wav", "--transmission", "fax"], 2, "'fax' is not one of 'clean', 'telephone'"),
        (["{voice}", "-o", "{tmp}/o.mp3", "--transmission", "gsm"], 1, "expected a name that ends in .flac or .wav"),
        (["{voice}", "-o", "{tmp}/no/o.wav", "--transmission", "gsm"], 2, "there is no folder"),
        (["{voice}", "-o", f"{{tmp}}/{TOO_LONG}.wav", "--transmission", "gsm"], 1, "cannot be written"),
        (
            ["{voice}", "-o", "{tmp}/o.wav", "--transmission", "gsm", "--plot", "{tmp}/p.bmp"],
            1,
            "ends in .png, .pdf or .svg",
        ),
        (
            ["{voice}", "-o", "{tmp}/o.wav", "--transmission", "gsm", "--plot", f"{{tmp}}/{TOO_LONG}.png"],
            1,
            "cannot be written",
        ),
        (["{tmp}/text.wav", "-o", "{tmp}/o.wav", "--transmission", "gsm"], 1, "text.wav: not audio"),
        (["{tmp}/none.wav", "-o", "{tmp}/o.wav", "--transmission", "gsm"], 1, "none.wav: holds no sample"),
        (["{voice}", "-o", "{tmp}/o.wav", "--config", "nowhere.toml"], 1, "cannot read the configuration"),
    ],
)
def test_misuse_and_faults_say_what_to_do(recording, tmp_path, words, code, message):
    (tmp_path / "text.wav").write_text("hello, this is no audio at all")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    result = run(*(word.format(voice=recording, tmp=tmp_path) for word in words))
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""


def test_the_list_names_every_transmission():
    lines = run("--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(TRANSMISSION_NAMES)
    assert list(json.loads(run("--list", "--json").stdout)) == list(TRANSMISSION_NAMES)


def test_a_spectrogram_is_calibrated():
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    levels = spectrogram_db(tone)
    assert levels.shape[0] == 257
    assert levels[32].mean() == pytest.approx(0.0, abs=0.1)
    assert levels[100].max() < -60
    assert int(np.argmax(long_term_db(0.1 * tone))) == 32
    assert long_term_db(0.1 * tone)[32] == pytest.approx(-20.0, abs=0.1)
    assert spectrogram_db(np.zeros(5, np.float32)).shape == (257, 1)


def test_the_command_writes_only_where_it_is_told(recording, tmp_path):
    before = set(tmp_path.rglob("*"))
    assert run(recording, "-o", tmp_path / "o.wav", "--transmission", "clean").exit_code == 0
    assert set(tmp_path.rglob("*")) - before == {Path(tmp_path / "o.wav")}
