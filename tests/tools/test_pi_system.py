"""Systems of another processor: what is missing is told, and wheels are those that the board can load."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from pi_check.bundle import ROOT
from pi_check.system import build_system, install_wheels, require_programs
from pi_check.targets import TARGETS, EmulationError, Target, UnavailableError

BOARD = TARGETS["arm64-litert"].board


def test_missing_programs_are_named_with_their_packages(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"^missing: .*qemu-aarch64-static; apt install .*qemu-user-static$"):
        require_programs([BOARD])


def test_the_tool_says_so_and_ends_with_3(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "pi_emulation.py"), "--cache", str(tmp_path / "cache")],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("missing: ")
    assert not (tmp_path / "cache").exists()


def test_wheels_up_to_the_c_library_of_the_system_can_be_loaded():
    tags = BOARD.wheel_platforms()
    assert tags[0] == "manylinux_2_36_aarch64"
    assert tags[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


def write_wheel(folder, name, version, tag):
    """A wheel that holds one module, which says where it is from."""
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"WHEEL = '{version} {tag}'\n")
        wheel.writestr(
            f"{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(f"{name}-{version}.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A folder that pip takes all wheels from, and nothing else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def install(tmp_path):
    """Install requirements for a board below an empty root; return the packages' folder and what was said."""
    root = tmp_path / "root"
    root.mkdir()

    def run(*requirements, **options):
        said = []
        target = Target(BOARD, requirements, **options)
        return install_wheels(target, root, tmp_path / "cache", said.append) / "packages", said

    return run


def test_the_newest_wheel_that_the_board_can_load_is_unpacked_once(wheels, install):
    write_wheel(wheels, "tinyarm", "1.0", "cp311-cp311-manylinux_2_28_aarch64")
    write_wheel(wheels, "tinyarm", "2.0", "cp311-cp311-manylinux_2_39_aarch64")
    write_wheel(wheels, "tinyarm", "3.0", "cp311-cp311-manylinux_2_28_x86_64")
    packages, said = install("tinyarm")
    assert (packages / "tinyarm.py").read_text() == "WHEEL = '1.0 cp311-cp311-manylinux_2_28_aarch64'\n"
    assert len(said) == 1

    shutil.rmtree(wheels)
    assert install("tinyarm") == (packages, [])


def test_versions_are_those_of_the_constraints_but_for_what_is_exempt(wheels, install):
    write_wheel(wheels, "numpy", "1.26.4", "py3-none-any")
    with pytest.raises(EmulationError, match="Cannot install numpy<2"):
        install("numpy<2")
    packages, _ = install("numpy<2", unconstrained=("numpy",))
    assert (packages / "numpy.py").exists()


def test_a_wheel_that_nobody_has_is_told_and_leaves_nothing(wheels, install, tmp_path):
    with pytest.raises(EmulationError, match="No matching distribution found for nowhere"):
        install("nowhere")
    assert [path.suffix for path in (tmp_path / "root" / "opt" / "bonafone").iterdir()] == [".partial"]


debootstrap = pytest.mark.skipif(
    shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None or os.geteuid() != 0,
    reason="needs debootstrap (apt install debootstrap), and root",
)


@pytest.mark.programs
@debootstrap
def test_a_mirror_that_does_not_answer_makes_the_emulation_unavailable(tmp_path):
    with pytest.raises(UnavailableError, match=r"(?s)^Debian's packages for arm64 cannot be fetched: .*Release"):
        build_system(BOARD, tmp_path / "cache", f"file://{tmp_path}/nowhere", lambda text: None)
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir() and path.suffix != ".partial"] == []
