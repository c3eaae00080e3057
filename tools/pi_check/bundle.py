"""The folder that every machine gets: this checkout's wheel, the model, the recordings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pi_check.clips import Clip
from pi_check.system import unpack
from pi_check.targets import EmulationError

ROOT = Path(__file__).resolve().parents[2]
_BUILD_S = 600.0
_TAIL = 2000


@dataclass(frozen=True)
class Bundle:
    """Its folder, and the recordings in it; ``call`` is for `edge listen`."""

    folder: Path
    clips: tuple[Clip, ...]
    call: Clip


def fill(folder: Path, model: Path, clips: Sequence[Clip], call: Clip) -> Bundle:
    """Add to a folder that holds the recordings all the rest.

    Raises
    ------
    EmulationError
        The wheel cannot be built.
    """
    shutil.copyfile(model, folder / "model.tflite")
    shutil.copyfile(Path(__file__).with_name("guest.py"), folder / "guest.py")
    # Nothing of this machine's configuration is used, and nobody is alerted.
    (folder / "bonafone.toml").write_text("[alerts]\noutbox = " + json.dumps("~/alerts.sqlite") + "\n", "utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", temporary, str(ROOT)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_S, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-_TAIL:]
            raise EmulationError(f"the wheel of this checkout cannot be built (needs the extra dev): {said}")
        unpack(sorted(Path(temporary).glob("*.whl")), folder / "project")
    return Bundle(folder, tuple(clips), call)
