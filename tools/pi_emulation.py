"""Run the detector as a Raspberry Pi would, and compare its scores with this machine's.

An ARM system is unpacked from Debian packages, the runtimes from the registry's wheels for ARM, this project from its
own wheel; qemu is the processor. There and here `edge score` gets pieces of the examples (or the recordings of a
folder), and `edge bench --no-timing` its synthetic voice. Times under emulation mean nothing and are not printed. Needs
root (chroot) and `apt install qemu-user-static debootstrap`; the systems, about 250 MB each and 100 MB more for each
runtime, stay in the cache, which may be deleted at any time.

Exit codes: 0 all is within the bound; 1 something is not, or a step failed; 3 the emulation cannot run here, for want
of a program, of root or of Debian's packages.

Example: sudo .venv/bin/python tools/pi_emulation.py --target arm64-litert
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge.audio.reading import open_audio
from edge.catalog import resolve_model
from edge.contract import Thresholds, read_contract
from edge.resampling import Resampler
from edge.tables import columns

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bonafone" / "pi"
SUITE, PYTHON, GLIBC_MINOR = "bookworm", "3.11", 36
"""The Debian release with the last Python that tflite-runtime 2.14 has a wheel for, and its glibc (2.36)."""
RATE, NARROW_RATE, PIECE_S, CLIPS = 16000, 8000, 1.536, 104
NOBODY = 65534
EXIT_FAULT, EXIT_UNAVAILABLE = 1, 3
BOUND_NATS = 0.18
"""What an int8 network may differ by, from one runtime or processor to another, on the shortest speech that is scored.

A value that lies at the middle of a step of the int8 grid is rounded up by one kernel and down by another. Measured
against LiteRT 2.3 on x86-64, on pieces of the examples of 1.5 s (104, on the A7 78), largest (mean), nats:

                                       bonafone-patch-v6    bonafone-patch-v5
  the same LiteRT, Cortex-A72          0.123 (0.032)        0.135 (0.026)
  tflite-runtime 2.14, Cortex-A72      0.102 (0.032)        0.108 (0.029)
  tflite-runtime 2.14, Cortex-A7       0.102 (0.033)        0.110 (0.030)

The bound is the largest of these and a third more: a 20th of the width of the uncertain band.
"""
SPEECH_BOUND_S = 1e-3
"""A sixteenth of a hop. The speech measure is float arithmetic; 1e-6 s was seen, the last digit that is printed."""

Float = NDArray[np.float32]
Lines = list[dict[str, Any]]


class EmulationError(Exception):
    """A step of the emulation failed."""


class UnavailableError(EmulationError):
    """A program, the right to use it, or Debian's packages are missing."""


@dataclass(frozen=True)
class Target:
    """A board with one of the runtimes.

    Attributes
    ----------
    machine : the processor as ``uname -m`` names it; ``architecture`` is Debian's name.
    emulator, processor : the program, and its ``-cpu``.
    packages : Debian packages beyond the least system.
    wheels : what pip fetches; with ``pinned`` by constraints.txt, which may not fit, and its dependencies.
    libraries : folders that the loader would find by links which only an installation makes.
    resamples : whether soxr is there; without it only recordings at the model's rate are scored.
    """

    board: str
    machine: str
    architecture: str
    emulator: str
    processor: str
    packages: tuple[str, ...]
    wheels: tuple[str, ...]
    pinned: bool = True
    libraries: tuple[str, ...] = ()
    resamples: bool = True


_ARM64 = ("Raspberry Pi 4", "aarch64", "arm64", "qemu-aarch64-static", "cortex-a72", ("python3", "ca-certificates"))
# The backend is a dependency by a name that it provides, which debootstrap does not follow.
_FROM_DEBIAN = ("numpy", "click", "soundfile", "cffi-backend")
_ARMV7 = (
    *("Raspberry Pi 2", "armv7l", "armhf", "qemu-arm-static", "cortex-a7"),
    ("python3", "ca-certificates", *(f"python3-{name}" for name in _FROM_DEBIAN)),
)
_OLD = "tflite-runtime==2.14.0"
TARGETS = {
    "arm64-litert": Target(*_ARM64, ("ai-edge-litert", "numpy", "click", "soundfile", "soxr")),
    "arm64-tflite": Target(*_ARM64, (_OLD, "numpy==1.26.4", "click", "soundfile", "soxr"), pinned=False),
    # No wheel of numpy, cffi or soxr for 32-bit ARM is in the registry; Debian has the first two.
    "armv7l-tflite": Target(
        *_ARMV7,
        ("--no-deps", _OLD, "typing_extensions"),
        libraries=("/usr/lib/arm-linux-gnueabihf/blas", "/usr/lib/arm-linux-gnueabihf/lapack"),
        resamples=False,
    ),
}


def require_programs(targets: Sequence[Target]) -> None:
    """Raise `UnavailableError` where a program is missing, or this is not root."""
    wanted = {"debootstrap", "dpkg", "chroot", *(target.emulator for target in targets)}
    if missing := sorted(name for name in wanted if shutil.which(name, path=_path()) is None):
        raise UnavailableError(f"missing: {', '.join(missing)}; apt install debootstrap qemu-user-static")
    if os.geteuid() != 0:
        raise UnavailableError("chroot and device files need root, and this is not; run it with sudo")


def build_system(target: Target, cache: Path) -> Path:
    """Return the folder of the board's system, made once: Debian packages, unpacked and not installed."""
    root = cache / f"{SUITE}-{target.architecture}-{_digest(target.packages)}"
    if root.is_dir():
        return root
    print(f"{root.name}: Debian packages", file=sys.stderr)
    partial = root.with_name(f"{root.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    options = (f"--arch={target.architecture}", "--foreign", "--variant=minbase")
    include = f"--include={','.join(target.packages)}"
    try:
        _run("debootstrap", *options, include, SUITE, str(partial))
    except EmulationError as error:
        raise UnavailableError(f"Debian's packages for {target.architecture} cannot be fetched: {error}") from error
    for archive in sorted((partial / "var" / "cache" / "apt" / "archives").glob("*.deb")):
        _run("dpkg", "-x", str(archive), str(partial))
        archive.unlink()
    # soundfile would look the library up by running a compiler.
    for library in partial.glob("usr/lib/arm-*/libsndfile.so.1"):
        library.with_name("libsndfile.so").symlink_to(library.name)
    compile_all(partial / "usr" / "lib" / f"python{PYTHON}")
    partial.rename(root)
    return root


def install_wheels(target: Target, root: Path) -> Path:
    """Unpack the target's wheels below ``root``, once; return their folder."""
    folder = root / "opt" / _digest((*target.wheels, target.machine))
    if folder.is_dir():
        return folder
    print(f"{root.name}: wheels of {', '.join(target.wheels)}", file=sys.stderr)
    tags = [*(f"manylinux_2_{minor}_{target.machine}" for minor in range(GLIBC_MINOR, 16, -1))]
    platforms = [part for tag in (*tags, f"manylinux2014_{target.machine}") for part in ("--platform", tag)]
    abis = [part for abi in ("cp311", "abi3", "none") for part in ("--abi", abi)]
    version = ("--python-version", PYTHON, "--implementation", "cp")
    constraints = ("--constraint", str(ROOT / "constraints.txt")) if target.pinned else ()
    with tempfile.TemporaryDirectory() as temporary:
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", temporary)
        _run(*command, *version, *abis, *platforms, *constraints, *target.wheels)
        unpack(Path(temporary), folder)
    return folder


def unpack(wheels: Path, folder: Path) -> None:
    """Put the packages of the wheels in a folder side by side, as an installation would."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(partial)
    compile_all(partial)
    partial.rename(folder)


def compile_all(folder: Path) -> None:
    """Compile to byte code here, where it needs no time, if this Python's is the same."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON:
        # Some files of the standard library's tests are wrong on purpose; what fails is compiled when it is imported.
        subprocess.run([sys.executable, "-m", "compileall", "-qq", str(folder)], capture_output=True, check=False)


def fill_bundle(folder: Path, model: Path, recordings: Path | None, count: int) -> None:
    """Fill an empty folder with what a machine needs: this checkout's wheel, the model, the recordings."""
    shutil.copyfile(model, folder / "model.tflite")
    clips = folder / "clips"
    if recordings is None:
        clips.mkdir()
        write_pieces(clips, count)
    else:
        shutil.copytree(recordings, clips)
    with tempfile.TemporaryDirectory() as temporary:
        _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", temporary, str(ROOT))
        unpack(Path(temporary), folder / "project")


def write_pieces(folder: Path, count: int) -> None:
    """Write ``count`` pieces of the examples: by turns as they are, 20 dB softer, with noise, at a telephone's rate.

    Little longer than the least speech that is scored: there rounding is averaged least, and emulation is slow.
    """
    rng, length, hop = np.random.default_rng(0), round(PIECE_S * RATE), round(0.35 * RATE)
    voices = [read_mono(path) for path in sorted((ROOT / "examples").glob("[bs]*-*.*"))]
    pieces = [voice[at : at + length] for voice in voices for at in range(0, len(voice) - length + 1, hop)]
    if not 1 <= count <= len(pieces):
        raise EmulationError(f"--clips: expected 1 to {len(pieces)}, which the examples give; got {count}")
    for number, place in enumerate(np.linspace(0, len(pieces) - 1, count).round().astype(int)):
        samples, rate = pieces[place], RATE
        if number % 4 == 1:
            samples = samples * np.float32(0.1)
        elif number % 4 == 2:
            noise = rng.standard_normal(len(samples)) * samples.std() * 10 ** (-15 / 20)
            samples = (samples + noise).astype(np.float32)
        elif number % 4 == 3:
            samples, rate = convert(samples, RATE, NARROW_RATE), NARROW_RATE
        # Each tenth through libsndfile, which reads FLAC.
        path = folder / f"{number:03}-{rate}.{'flac' if number % 10 == 0 else 'wav'}"
        soundfile.write(path, np.clip(samples, -1.0, 1.0), rate, subtype="PCM_16")


def read_mono(path: Path) -> Float:
    """Samples of a recording at `RATE` [shape=(n,)]; channels are averaged."""
    with open_audio(path) as audio:
        blocks = [block.mean(axis=1, dtype=np.float32) for block in audio]
        return convert(np.concatenate(blocks), audio.sample_rate, RATE)


def convert(samples: Float, rate: int, wanted: int) -> Float:
    """Samples at another rate."""
    converter = Resampler(rate, wanted)
    return np.concatenate([converter.feed(samples), converter.flush()])


def measure(command: Sequence[str], folder: Path, clips: Sequence[str], environment: dict[str, str]) -> Lines:
    """Lines of `edge score --json`, and a last one of `edge bench`, as ``command``, a Python, gives them."""
    model = ("--json", "--model", f"{folder}/model.tflite")
    paths = [f"{folder}/clips/{name}" for name in clips]
    scored = _run(*command, "-m", "edge", "score", *model, *paths, environment=environment)
    benched = _run(*command, "-m", "edge", "bench", "--no-timing", *model, environment=environment)
    return [json.loads(line) for line in (*scored.splitlines(), *benched.splitlines())]


def measure_there(target: Target, bundle: Path, clips: Sequence[str], cache: Path) -> Lines:
    """Measure on the emulated board, as nobody, with a copy of the bundle that is gone afterwards."""
    root = build_system(target, cache)
    packages = install_wheels(target, root)
    with tempfile.TemporaryDirectory(dir=root / "tmp", ignore_cleanup_errors=True) as place:
        shutil.copytree(bundle, place, dirs_exist_ok=True)
        emulator = shutil.copy(str(shutil.which(target.emulator)), place)
        for path in (Path(place), *Path(place).rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        seen = Path("/") / Path(place).relative_to(root)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(seen),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": f"{seen}/project:/{packages.relative_to(root)}",
            "LD_LIBRARY_PATH": ":".join(target.libraries),
        }
        chroot = (str(shutil.which("chroot", path=_path())), f"--userspec={NOBODY}:{NOBODY}", str(root))
        processor = (str(seen / Path(emulator).name), "-cpu", target.processor)
        return measure((*chroot, *processor, f"/usr/bin/python{PYTHON}", "-P"), seen, clips, environment)


def compare(here: Lines, there: Lines, thresholds: Thresholds) -> dict[str, Any]:
    """Hold the board's lines against this machine's, which may be more.

    Returns
    -------
    ``clips``, ``scored`` (recordings with a score on both), ``max_delta`` and ``mean_delta`` (nats, over those),
    ``equal_verdicts``, ``bench_delta`` (nats), ``runtime``, ``python``, ``faults`` (one sentence each). A verdict that
    changes within the bound of a threshold is no fault.
    """
    own = {Path(line["path"]).name: line for line in here[:-1]}
    pairs = [(own[Path(line["path"]).name], line) for line in there[:-1]]
    both = [pair for pair in pairs if None not in (pair[0].get("cm_score"), pair[1].get("cm_score"))]
    deltas = [abs(one["cm_score"] - other["cm_score"]) for one, other in both]
    bench = abs(here[-1]["cm_score"] - there[-1]["cm_score"])
    speech = max((abs(one["speech_s"] - other["speech_s"]) for one, other in both), default=0.0)
    largest = max(deltas, default=float("nan"))
    bounds = (thresholds.spoof_below, thresholds.bonafide_above)
    faults = [
        f"{Path(one['path']).name}: {_words(one)} here, {_words(other)} there"
        for one, other in pairs
        if one.get("verdict") != other.get("verdict")
        and not ((one, other) in both and min(abs(one["cm_score"] - bound) for bound in bounds) <= BOUND_NATS)
    ]
    # Written so that what is not a number is a fault.
    if not largest <= BOUND_NATS:
        faults.append(f"edge score differs by up to {largest:.3f} nats, more than {BOUND_NATS:g}")
    if not speech <= SPEECH_BOUND_S:
        faults.append(f"the speech measured differs by {speech:.4f} s, more than {SPEECH_BOUND_S:g}")
    if not bench <= BOUND_NATS:
        faults.append(f"edge bench differs by {bench:.3f} nats, more than {BOUND_NATS:g}")
    return {
        **{name: there[-1][name] for name in ("model", "runtime", "python")},
        "clips": len(pairs),
        "scored": len(both),
        "max_delta": largest,
        "mean_delta": statistics.fmean(deltas or [float("nan")]),
        "equal_verdicts": sum(one.get("verdict") == other.get("verdict") for one, other in pairs),
        "bench_delta": bench,
        "bound_nats": BOUND_NATS,
        "faults": faults,
    }


def _words(line: dict[str, Any]) -> str:
    score = line.get("cm_score")
    return str(line.get("error") or (line["verdict"] if score is None else f"{line['verdict']} {score:.3f}"))


def text_table(found: dict[str, dict[str, Any]]) -> str:
    """A column for each target, and what is wrong below."""
    rows = [
        ("", *found),
        ("board", *(f"{TARGETS[name].board}, {TARGETS[name].processor}" for name in found)),
        ("runtime", *(one["runtime"] for one in found.values())),
        ("recordings, with a score", *(f"{one['clips']}, {one['scored']}" for one in found.values())),
        ("edge score: largest difference", *(f"{one['max_delta']:.4f} nats" for one in found.values())),
        ("edge score: mean difference", *(f"{one['mean_delta']:.4f} nats" for one in found.values())),
        ("edge score: same verdict", *(f"{one['equal_verdicts']} of {one['clips']}" for one in found.values())),
        ("edge bench: difference", *(f"{one['bench_delta']:.4f} nats" for one in found.values())),
    ]
    faults = [f"{name}: WRONG: {fault}" for name, one in found.items() for fault in one["faults"]]
    return "\n".join([*columns(rows), *(faults or ["all within the bound"])])


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _path() -> str:
    """PATH with the system's programs, which an ordinary shell may not have on it."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _run(*command: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        timeout=1800, env=environment or {**os.environ, "PATH": _path(), "LC_ALL": "C"},
    )  # fmt: skip
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise EmulationError(f"{' '.join(command[:6])} … exited with {done.returncode}: {said}")
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", choices=TARGETS, help="may be repeated (default: all)")
    parser.add_argument("--clips", type=int, default=CLIPS, help=f"pieces of the examples (default: {CLIPS})")
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="score these instead")
    parser.add_argument("--model", help="a .tflite, or a shipped model by name (default: the newest shipped)")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where systems are kept (default: {CACHE})")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    options = parser.parse_args()
    targets = {name: TARGETS[name] for name in options.target or TARGETS}
    try:
        # First, and not after the work of preparing.
        require_programs(list(targets.values()))
        model = resolve_model(options.model)
        with tempfile.TemporaryDirectory() as folder:
            bundle = Path(folder)
            fill_bundle(bundle, model, options.recordings, options.clips)
            found = emulate(targets, bundle, read_contract(model).thresholds, options.cache)
    except EmulationError as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE if isinstance(error, UnavailableError) else EXIT_FAULT
    lines = [json.dumps({"target": name, **one}) for name, one in found.items()]
    print("\n".join(lines) if options.json else text_table(found))
    return EXIT_FAULT if any(one["faults"] for one in found.values()) else 0


def emulate(targets: dict[str, Target], bundle: Path, thresholds: Thresholds, cache: Path) -> dict[str, dict[str, Any]]:
    """Measure here and on each target, and compare."""
    clips = sorted(path.name for path in (bundle / "clips").iterdir())
    environment = {**os.environ, "PYTHONPATH": str(bundle / "project")}
    here, found = measure((sys.executable, "-P"), bundle, clips, environment), {}
    for name, target in targets.items():
        chosen = [clip for clip in clips if target.resamples or str(NARROW_RATE) not in clip]
        there = measure_there(target, bundle, chosen, cache)
        found[name] = compare(here, there, thresholds)
    return found


if __name__ == "__main__":
    sys.exit(main())
