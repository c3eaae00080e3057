"""Fetch the npm package that declares the Android API, once, into a cache."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from android_check import declarations
from android_check.declarations import Api, api_from_json, api_to_json, parse_declarations
from android_check.errors import CheckError

CACHE = Path(os.environ.get("BONAFONE_ANDROID", Path.home() / ".cache" / "bonafone" / "android"))
NAME = "@nativescript/types-android"
VERSION = "9.1.1"
SHA256 = "16193ea9c70286d5b0d3e2dc559abb483ad61fb599219c59d1a4146fe370b25a"
MEMBER = "package/lib/android/android-platform-21-37-merged.d.ts"
MISSING = Path(__file__).with_name("missing.d.ts")
"""Declarations that the package lacks."""


def load_api(cache: Path = CACHE) -> Api:
    """The Android API of levels 21 to 37; the first call fetches 4 MB and leaves an index of it in ``cache``.

    Raises
    ------
    CheckError
        npm is missing, the package cannot be had, or it is not the one that was checked.
    """
    missing = parse_declarations(MISSING.read_text(encoding="utf-8").splitlines())
    parser = hashlib.sha256(Path(declarations.__file__).read_bytes()).hexdigest()[:8]
    index = cache / f"android-api-{VERSION}-{parser}.json"
    if index.exists():
        return {**missing, **api_from_json(json.loads(index.read_text(encoding="utf-8")))}
    api = parse_declarations(fetch_declarations().splitlines())
    cache.mkdir(parents=True, exist_ok=True)
    temporary = index.with_name(f".{index.name}.{os.getpid()}")
    temporary.write_text(json.dumps(api_to_json(api), separators=(",", ":")), encoding="utf-8")
    temporary.replace(index)
    return {**missing, **api}


def fetch_declarations() -> str:
    """Download the package through npm and return the text of its declarations.

    Raises
    ------
    CheckError
        See `load_api`.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"{NAME}@{VERSION}"]
        try:
            subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True, timeout=300)
        except FileNotFoundError as error:
            raise CheckError(
                "npm is not installed; the Android declarations come through it (apt install npm)"
            ) from error
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = (error.stderr or "") if isinstance(error, subprocess.CalledProcessError) else "no answer in 300 s"
            raise CheckError(f"npm could not fetch {NAME}@{VERSION}: {str(said).strip() or error}") from error
        archive = next(Path(folder).glob("*.tgz"))
        return read_archive(archive)


def read_archive(archive: Path) -> str:
    """The declarations inside the package's archive, after comparing its SHA-256 with the one that was checked."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise CheckError(f"{archive.name} is not the package that was checked: expected SHA-256 {SHA256}, got {found}")
    with tarfile.open(archive) as contents:
        member = contents.extractfile(MEMBER)
        if member is None:
            raise CheckError(f"{archive.name} holds no {MEMBER}")
        return member.read().decode()
