"""Rules of the manifest that no compiler knows: what must be said, what must be absent, what must exist."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from android_check.declarations import Api
from android_check.errors import CheckError

ANDROID = "{http://schemas.android.com/apk/res/android}"
COMPONENTS = ("activity", "service", "receiver", "provider")
FORBIDDEN = {
    "android.permission.INTERNET": "the app has no network",
    "android.permission.BIND_ACCESSIBILITY_SERVICE": "call audio is not to be had through accessibility services",
}
_PERMISSIONS = "android.Manifest.permission"


def read_manifest(path: Path) -> ET.Element:
    """Parse the manifest.

    Raises
    ------
    CheckError
        It is missing or no XML.
    """
    try:
        return ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        raise CheckError(f"{path}: expected a manifest in XML ({error})") from error


def manifest_problems(manifest: ET.Element, namespace: str, classes: Iterable[str], api: Api) -> list[str]:
    """What is wrong with it, one line each.

    Parameters
    ----------
    classes : dotted names of the app's compiled classes.
    """
    known, problems = set(classes), []
    asked = {element.get(f"{ANDROID}name", "") for element in manifest.findall("uses-permission")}
    problems += [f"{name} is asked for: {why}" for name, why in FORBIDDEN.items() if name in asked]
    real = {member.type.strip('"') for member in api[_PERMISSIONS].members}
    problems += [f"{name} is no permission of Android's" for name in sorted(asked - real)]
    application = manifest.find("application")
    if application is None:
        return [*problems, "there is no <application>"]
    if application.get(f"{ANDROID}allowBackup") != "false":
        problems.append('android:allowBackup must be "false": verdicts stay on the phone')
    for tag in COMPONENTS:
        for element in application.findall(tag):
            problems += _component_problems(element, namespace, known, asked)
    return problems


def _component_problems(element: ET.Element, namespace: str, known: set[str], asked: set[str]) -> list[str]:
    name = element.get(f"{ANDROID}name", "")
    full = namespace + name if name.startswith(".") else name
    problems = [] if full in known else [f"{element.tag} {name}: the app has no class {full}"]
    exported = element.get(f"{ANDROID}exported")
    if exported not in ("true", "false"):
        problems.append(f"{element.tag} {name}: android:exported must be said")
    if element.tag == "service" and exported == "true" and not element.get(f"{ANDROID}permission"):
        problems.append(f"service {name}: exported without a permission, so that any app may bind it")
    for kind in filter(None, element.get(f"{ANDROID}foregroundServiceType", "").split("|")):
        spelt = "".join(f"_{letter}" if letter.isupper() else letter for letter in kind).upper()
        needed = {"android.permission.FOREGROUND_SERVICE", f"android.permission.FOREGROUND_SERVICE_{spelt}"}
        problems += [f"service {name}: type {kind} needs {missing}" for missing in sorted(needed - asked)]
    return problems
