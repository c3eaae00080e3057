"""Build an ARM system into a cache, without running anything of it: Debian packages and wheels, unpacked.

No second stage of debootstrap and no registration of foreign programs with the kernel: what a package would do when it
is installed is not done, and Python needs none of it. Needs root, for the device files and for chroot.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pi_check.targets import PYTHON, SUITE, Board, EmulationError, Target, UnavailableError

PROGRAMS = {"qemu-aarch64-static": "qemu-user-static", "qemu-arm-static": "qemu-user-static"}
PROGRAMS |= {"debootstrap": "debootstrap", "dpkg": "dpkg", "chroot": "coreutils"}
"""Debian package of each program."""
_CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"
_BUILD_S, _FETCH_S = 1800.0, 900.0
_TAIL = 2000
_NO_SUCH_PACKAGE = "Couldn't find these debs"

Tell = Callable[[str], None]


def require_programs(boards: Sequence[Board]) -> None:
    """Check that this machine can emulate.

    Raises
    ------
    UnavailableError
        A program is missing, with the packages that hold it, or this is not root.
    """
    wanted = {"debootstrap", "dpkg", "chroot", *(board.emulator for board in boards)}
    missing = sorted(name for name in wanted if shutil.which(name, path=_path()) is None)
    if missing:
        packages = " ".join(sorted({PROGRAMS[name] for name in missing}))
        raise UnavailableError(f"missing: {', '.join(missing)}; apt install {packages}")
    if os.geteuid() != 0:
        raise UnavailableError("chroot and device files need root, and this is not; run it with sudo")


def build_system(board: Board, cache: Path, mirror: str | None, tell: Tell) -> Path:
    """The folder that holds the board's system; made at the first call, the same one ever after.

    Raises
    ------
    UnavailableError
        Debian's packages cannot be fetched.
    EmulationError
        There is none of such a name, or they cannot be unpacked.
    """
    root = cache / f"{SUITE}-{board.architecture}-{_digest((*board.packages, *map(str, board.links)))}"
    with _locked(cache):
        if root.is_dir():
            return root
        tell(f"{root.name}: Debian packages")
        partial = root.with_name(f"{root.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        arguments = [f"--arch={board.architecture}", "--foreign", "--variant=minbase"]
        include = f"--include={','.join(board.packages)}"
        command = ["debootstrap", *arguments, include, SUITE, str(partial), *([mirror] if mirror else [])]
        try:
            _run(command, _BUILD_S)
        except EmulationError as error:
            # A name that is wrong is no lack of a network.
            if _NO_SUCH_PACKAGE in str(error):
                raise
            raise UnavailableError(f"Debian's packages for {board.architecture} cannot be fetched: {error}") from error
        archives = partial / "var" / "cache" / "apt" / "archives"
        for archive in sorted(archives.glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(partial)], _FETCH_S)
            archive.unlink()
        for link, aim in board.links:
            (partial / link).symlink_to(aim)
        _compile(partial, [partial / "usr" / "lib" / "python3.11", partial / "usr" / "lib" / "python3"])
        partial.rename(root)
    return root


def install_wheels(target: Target, root: Path, cache: Path, tell: Tell) -> Path:
    """Unpack what the target requires below ``root``, once; return the folder, as this machine sees it.

    Raises
    ------
    EmulationError
        pip finds no wheel, or cannot fetch it.
    """
    constraints = _constraints(target)
    board = target.board
    folder = root / "opt" / "bonafone" / _digest((*target.requirements, constraints, board.machine))
    with _locked(cache):
        if folder.is_dir():
            return folder
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        wheels = partial / "wheels"
        wheels.mkdir(parents=True)
        (partial / "constraints.txt").write_text(constraints, encoding="utf-8")
        tell(f"{root.name}: wheels of {', '.join(target.requirements)}")
        _run(_download(target, wheels, partial / "constraints.txt"), _FETCH_S)
        unpack(sorted(wheels.glob("*.whl")), partial / "packages")
        shutil.rmtree(wheels)
        _compile(root, [partial / "packages"], moved=(partial, folder))
        partial.rename(folder)
    return folder


def unpack(wheels: Sequence[Path], folder: Path) -> None:
    """Put the packages of wheels side by side, as an installation would."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


def _download(target: Target, folder: Path, constraints: Path) -> list[str]:
    platforms = [part for tag in target.board.wheel_platforms() for part in ("--platform", tag)]
    version = f"{PYTHON[0]}{PYTHON[1]}"
    abis = [part for abi in (f"cp{version}", "abi3", "none") for part in ("--abi", abi)]
    return [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
        *("--only-binary", ":all:", "--python-version", version, "--implementation", "cp", *abis, *platforms),
        *("--constraint", str(constraints), "--dest", str(folder)),
        *([] if target.with_dependencies else ["--no-deps"]),
        *target.requirements,
    ]


def _constraints(target: Target) -> str:
    """The versions that this project is tested with, but for what does not exist for the target."""
    lines = _CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line.partition("==")[0].lower() not in target.unconstrained) + "\n"


def _compile(root: Path, folders: Sequence[Path], moved: tuple[Path, Path] | None = None) -> None:
    """Compile to byte code here, where it takes no time, if this Python's is the same."""
    if sys.version_info[:2] != PYTHON:
        return
    for folder in folders:
        inside = Path("/") / folder.relative_to(root)
        if moved:
            inside = Path("/") / (moved[1] / folder.relative_to(moved[0])).relative_to(root)
        # Some files of the standard library's tests are wrong on purpose; what fails is compiled when it is needed.
        arguments = ["-m", "compileall", "-qq", "-s", str(folder), "-p", str(inside), str(folder)]
        subprocess.run([sys.executable, *arguments], capture_output=True, check=False, timeout=_BUILD_S)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Nobody else builds in the cache meanwhile."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], timeout_s: float) -> None:
    environment = {**os.environ, "PATH": _path(), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environment, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise EmulationError(f"{command[0]} has not ended after {timeout_s:g} s; is the network there?") from error
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-_TAIL:]
        raise EmulationError(f"{' '.join(command[:4])} … exited with {done.returncode}: {said}")


def _path() -> str:
    """PATH with the system's programs, which an ordinary shell may not have on it."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
