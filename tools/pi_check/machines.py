"""Run Python on this machine, or on an emulated one, with the same folder in front of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pi_check.targets import Board, EmulationError

_NOBODY = 65534
_RUN_S = 1800.0
_TAIL = 2000


@dataclass(frozen=True)
class Machine:
    """A machine that holds a copy of the bundle.

    Attributes
    ----------
    folder : the bundle, as the machine sees it.
    command : what starts Python there.
    environment : all the variables that it gets.
    """

    folder: Path
    command: tuple[str, ...]
    environment: dict[str, str]

    def python(self, *arguments: str) -> str:
        """Run Python with ``arguments``; return its standard output.

        Raises
        ------
        EmulationError
            It does not end well.
        """
        command = [*self.command, *arguments]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=self.environment,
                timeout=_RUN_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EmulationError(f"{' '.join(arguments[:3])} … has not ended after {_RUN_S:g} s") from error
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-_TAIL:]
            raise EmulationError(f"{' '.join(arguments[:3])} … exited with {done.returncode}: {said}")
        return done.stdout


def native(bundle: Path) -> Machine:
    """The machine that this runs on, with this Python."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BONAFONE")},
        "PYTHONPATH": str(bundle / "project"),
        "HOME": str(bundle),
    }
    # -P: the folder that this runs in is not searched for modules.
    return Machine(bundle, (sys.executable, "-P"), environment)


@contextmanager
def emulated(board: Board, root: Path, packages: Path, bundle: Path) -> Iterator[Machine]:
    """The board, with a copy of the bundle that is gone afterwards; its programs run as nobody.

    Parameters
    ----------
    root : its system, see `pi_check.system`.
    packages : a folder below it with the unpacked wheels.
    """
    emulator = shutil.which(board.emulator)
    if emulator is None:
        raise EmulationError(f"{board.emulator} is not there any more")
    with tempfile.TemporaryDirectory(dir=root / "tmp", prefix="pi-", ignore_cleanup_errors=True) as place:
        copy = Path(place) / "bundle"
        shutil.copytree(bundle, copy)
        # Beside the bundle, and not in the system: another run may be using that one.
        program = shutil.copy(emulator, place)
        for path in (Path(place), copy, *copy.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
        seen, inside = _inside(copy, root), _inside(Path(program), root)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(seen),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": f"{seen / 'project'}:{_inside(packages, root)}",
            **({"LD_LIBRARY_PATH": ":".join(board.libraries)} if board.libraries else {}),
        }
        chroot = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "chroot"
        user = f"--userspec={_NOBODY}:{_NOBODY}"
        command = (chroot, user, str(root), str(inside), "-cpu", board.processor, "/usr/bin/python3.11", "-P")
        yield Machine(seen, command, environment)


def _inside(path: Path, root: Path) -> Path:
    return Path("/") / path.relative_to(root)
