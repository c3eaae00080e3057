"""What users get: the built wheel, alone and installed without the workbench."""

from __future__ import annotations

import configparser
import email
import json
import shutil
import sys
import zipfile

import pytest
from environments import CONSTRAINTS, ROOT, installed, make_environment, pip, require_registry, run

pytestmark = pytest.mark.slow

HEAVY = {
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-model-optimization",
    "tf-keras",
    "keras",
    "librosa",
    "scipy",
    "matplotlib",
}
AUDIO = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".amr", ".raw"}
EXAMPLE = ROOT / "examples" / "spoof-flite.mp3"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (path,) = folder.glob("bonafone-*.whl")
    return path


@pytest.fixture(scope="session")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def read(wheel, file):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(f".dist-info/{file}")]
        return archive.read(name).decode()


@pytest.fixture(scope="session")
def edge_environment(wheel, tmp_path_factory):
    """The interpreter of an environment that holds bonafone[edge] and nothing else."""
    require_registry(tmp_path_factory.mktemp("probe"))
    python = make_environment(tmp_path_factory.mktemp("edge") / "venv")
    pip(python, "install", "--quiet", "--constraint", CONSTRAINTS, f"{wheel}[edge]")
    return python


def test_the_wheel_holds_the_three_packages_and_nothing_beside_them(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"edge", "workbench", "android_bridge"}
    assert not [name for name in names if "test" in name.split("/")[-1] or "__pycache__" in name]


def test_the_wheel_holds_every_module_and_configuration_of_the_checkout(names):
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in ("edge", "workbench")
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".toml"} and "models" not in path.parts
    }
    assert sources <= set(names)
    assert {"edge/py.typed", "workbench/py.typed"} <= set(names)


def test_the_wheel_holds_the_models_with_their_cards(names):
    shipped = {f"edge/models/{path.name}" for path in (ROOT / "models").iterdir()}
    assert any(name.endswith(".tflite") for name in shipped)
    assert {name for name in names if name.startswith("edge/models/")} == shipped
    assert {name.removesuffix(".tflite") + ".md" for name in shipped if name.endswith(".tflite")} <= shipped


def test_the_wheel_holds_no_audio(names):
    assert not [name for name in names if any(name.lower().endswith(suffix) for suffix in AUDIO)]


def test_the_wheel_installs_two_programs(wheel):
    scripts = configparser.ConfigParser()
    scripts.read_string(read(wheel, "entry_points.txt"))
    assert dict(scripts["console_scripts"]) == {"edge": "edge.cli.main:main", "workbench": "workbench.cli.main:main"}


def test_neither_the_bare_package_nor_the_edge_extra_requires_tensorflow(wheel):
    required = email.message_from_string(read(wheel, "METADATA")).get_all("Requires-Dist")
    bare = {line.split(">")[0].strip() for line in required if "extra ==" not in line}
    assert bare == {"numpy", "click"}
    edge = [line for line in required if "extra == 'edge'" in line]
    assert any(line.startswith("ai-edge-litert") for line in edge)
    assert not [line for line in edge if line.split(">")[0].split("[")[0].strip() in HEAVY | {"bonafone"}]
    # Anywhere else it would reach a Raspberry Pi.
    holders = {line.split("extra == ")[1] for line in required if line.startswith("tensorflow")}
    assert holders <= {"'workbench'", "'dev'"}


def test_the_edge_extra_installs_nothing_heavy(edge_environment):
    distributions = installed(edge_environment)
    assert {"bonafone", "ai-edge-litert", "numpy", "click"} <= set(distributions)
    assert not HEAVY & set(distributions)


def test_help_works_where_only_the_edge_extra_is_installed(edge_environment, tmp_path):
    shown = run(edge_environment.parent / "edge", "--help", cwd=tmp_path).stdout
    assert shown.startswith("Usage: edge [OPTIONS] COMMAND [ARGS]...")
    assert "score" in shown


def test_an_installed_edge_scores_a_recording_from_another_folder(edge_environment, tmp_path):
    (line,) = run(edge_environment.parent / "edge", "score", "--json", EXAMPLE, cwd=tmp_path).stdout.splitlines()
    result = json.loads(line)
    assert result["path"] == str(EXAMPLE)
    assert result["model"] in {path.stem for path in (ROOT / "models").glob("*.tflite")}
    assert result["verdict"] in {"bonafide", "spoof", "uncertain"}
    assert 0.0 <= result["p_bonafide"] <= 1.0


def test_the_workbench_without_its_extra_says_which_one_to_install(edge_environment, tmp_path):
    assert run(edge_environment.parent / "workbench", "--help", cwd=tmp_path).stdout.startswith("Usage: workbench")
    folders = [tmp_path / label for label in ("bonafide", "spoof")]
    for folder in folders:
        folder.mkdir()
        for name in "ab":
            shutil.copyfile(ROOT / "examples" / "too-short.wav", folder / f"{name}.wav")
    command = ("train", "--bonafide", folders[0], "--spoof", folders[1])
    done = run(edge_environment.parent / "workbench", *command, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "pip install 'bonafone[workbench]'" in done.stderr
    assert "Traceback" not in done.stderr
