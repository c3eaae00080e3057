"""What `workbench train` reads and refuses before any training."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from workbench.config import config_to_dict
from workbench.data.manifest import read_manifest, write_manifest
from workbench.errors import TrainingError
from workbench.train.inputs import create_run, read_inputs


@pytest.fixture
def folders(tree):
    """Two speakers and two systems."""
    root = tree([f"{label}/{group}/{n}.wav" for label in ("real", "fake") for group in "ab" for n in range(2)])
    return {"bonafide": root / "real", "spoof": root / "fake"}


def test_two_folders_are_split_by_speaker_and_system_and_the_split_is_kept_with_the_run(folders, tmp_path):
    inputs = read_inputs(folders, None, {"epochs": 3, "seed": 5, "batch_size": None})
    assert (inputs.config.train.seed, inputs.config.train.descent.epochs) == (5, 3)
    create_run(inputs, tmp_path / "run")
    kept = read_manifest(tmp_path / "run" / "manifest.tsv", inputs.manifest.root)
    assert kept.rows == inputs.manifest.rows
    assert {row.speaker_id for row in kept.rows if row.split == "dev"}.isdisjoint(
        {row.speaker_id for row in kept.rows if row.split == "train" and row.label == "bonafide"}
    )


def test_a_refused_folder_is_left_as_it_was(folders, tmp_path):
    first = read_inputs(folders, None, {"seed": 0})
    folder = create_run(first, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    for other in (read_inputs(folders, None, {"seed": 3}), read_inputs(folders, "dessa", {})):
        with pytest.raises(TrainingError, match="holds a run with another configuration or manifest"):
            create_run(other, tmp_path / "run")
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before
    create_run(first, tmp_path / "run")


def test_options_name_the_data_instead_of_the_configuration_but_noise_stays(folders, tmp_path):
    manifest = read_inputs(folders, None, {}).manifest
    rows = [replace(row, path=str(manifest.root / row.path)) for row in manifest.rows]
    for name, part in (("one", rows[::2]), ("two", rows[1::2])):
        write_manifest(replace(manifest, rows=tuple(part)), tmp_path / f"{name}.tsv")
    (tmp_path / "c.toml").write_text('[data]\nmanifest = "one.tsv"\nnoise = "hiss"\n')
    config = str(tmp_path / "c.toml")
    assert read_inputs({}, config, {}).file == tmp_path / "one.tsv"
    inputs = read_inputs({**folders, "manifest": None}, config, {})
    assert (inputs.file, inputs.noise) == (None, tmp_path / "hiss")
    both = read_inputs({"manifest": tmp_path / "one.tsv", "more_manifests": (tmp_path / "two.tsv",)}, config, {})
    assert len(both.manifest.rows) == len(rows)
    assert both.file is None
    assert config_to_dict(both.config)["data"]["more_manifests"] == (str(tmp_path / "two.tsv"),)


def test_missing_data_are_refused_without_tensorflow():
    program = (
        "import sys\nfrom click.testing import CliRunner\nfrom workbench.cli.main import main\n"
        "result = CliRunner().invoke(main, ['train'])\n"
        "assert 'give the data once: --manifest' in result.output, result.output\n"
        "assert result.exit_code == 1 and 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
