"""Compile manifest and resources with aapt2 against Debian's Android framework.

That framework is of Android 10 (API level 29). What the manifest uses of later levels is listed below, taken out of a
copy before it is linked, and nothing else is let through.
"""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from android_check.errors import CheckError
from android_check.manifest import ANDROID, read_manifest

FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
INSTALL = "apt install aapt android-framework-res"
LATER_ATTRIBUTES = {"dataExtractionRules": 31}
"""Attribute → level."""
LATER_VALUES = {("foregroundServiceType", "microphone"): 30}
"""Attribute and flag → level."""


def missing_programs() -> str | None:
    """What is missing for this check, with what to install; None where nothing is."""
    if not shutil.which("aapt2"):
        return f"aapt2 is not installed: {INSTALL}"
    return None if FRAMEWORK.exists() else f"{FRAMEWORK} is not there: {INSTALL}"


def check_resources(manifest: Path, resources: Path, namespace: str, min_sdk: int, target_sdk: int, work: Path) -> Path:
    """Link them into a package without code, below ``work``, and return it.

    Raises
    ------
    CheckError
        aapt2 is missing or refuses; the message is its own.
    """
    if problem := missing_programs():
        raise CheckError(problem)
    work.mkdir(parents=True, exist_ok=True)
    copy, compiled, package = work / "AndroidManifest.xml", work / "resources.zip", work / "resources.apk"
    _write_copy(manifest, namespace, copy)
    _run_aapt2("compile", "--dir", str(resources), "-o", str(compiled))
    levels = ("--min-sdk-version", str(min_sdk), "--target-sdk-version", str(target_sdk))
    _run_aapt2(
        "link", "-I", str(FRAMEWORK), "--manifest", str(copy), *levels, "--auto-add-overlay", "-o", str(package),
        str(compiled),
    )  # fmt: skip
    return package


def _write_copy(manifest: Path, namespace: str, copy: Path) -> None:
    ET.register_namespace("android", ANDROID.strip("{}"))
    root = read_manifest(manifest)
    root.set("package", namespace)
    for element in root.iter():
        for attribute in LATER_ATTRIBUTES:
            element.attrib.pop(f"{ANDROID}{attribute}", None)
        for attribute in {name for name, _ in LATER_VALUES}:
            key = f"{ANDROID}{attribute}"
            kept = [part for part in element.get(key, "").split("|") if part and (attribute, part) not in LATER_VALUES]
            if kept:
                element.set(key, "|".join(kept))
            else:
                element.attrib.pop(key, None)
    ET.ElementTree(root).write(copy, encoding="utf-8", xml_declaration=True)


def _run_aapt2(*arguments: str) -> None:
    done = subprocess.run(["aapt2", *arguments], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise CheckError(f"aapt2 {arguments[0]} refuses:\n{(done.stderr or done.stdout).strip()}")
