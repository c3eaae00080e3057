"""Check the Android app without an Android SDK: compilation, API levels, manifest, resources.

The app's Java is compiled with every warning, against stubs of the API: `tools/android_stubs/api.java.txt` has
those of Android, `@Since(level)` before what came after the app's least level; the folder beside it has Chaquopy's and
LiteRT's. A use of a later member must stand behind a check of SDK_INT in the same method, or in a method that carries
`@RequiresApi`. Manifest and resources go through aapt2 and Debian's framework-res.apk.

Needs javac; aapt2 with `apt install aapt android-framework-res`. What it cannot see: a wrong stub, a check of SDK_INT
that stands before the use and does not guard it, Java's own library on old phones. Android Studio's lint sees these.

Example: python tools/check_android.py
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "android_bridge" / "app" / "app"
STUBS = Path(__file__).parent / "android_stubs"
JAVA_RELEASE = "11"
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
INSTALL = "apt install aapt android-framework-res"
ANDROID = "{http://schemas.android.com/apk/res/android}"
COMPONENTS = ("activity", "service", "receiver", "provider")
FORBIDDEN = {
    "android.permission.INTERNET": "the app has no network",
    "android.permission.BIND_ACCESSIBILITY_SERVICE": "call audio is not to be had through accessibility services",
}
# Debian's framework is of Android 10 (API level 29): what the manifest uses of later levels is taken out of a copy.
LATER_ATTRIBUTES = ("dataExtractionRules",)
LATER_VALUES = (("foregroundServiceType", "microphone"),)


class CheckError(Exception):
    """A program that is missing, or that refuses the app; the message is the program's own."""


class App:
    """The app's files, and the levels that its Gradle file states."""

    def __init__(self, folder: Path) -> None:
        main = folder / "src" / "main"
        self.sources = sorted((main / "java").rglob("*.java"))
        self.resources, self.manifest = main / "res", main / "AndroidManifest.xml"
        gradle = (folder / "build.gradle").read_text(encoding="utf-8")
        self.namespace = _setting(gradle, r"namespace = '([\w.]+)'")
        self.min_sdk = int(_setting(gradle, r"minSdk = (\d+)"))
        self.target_sdk = int(_setting(gradle, r"targetSdk = (\d+)"))


def _setting(gradle: str, pattern: str) -> str:
    if (found := re.search(pattern, gradle)) is None:
        raise CheckError(f"build.gradle: expected a line that fits {pattern!r}")
    return found[1]


def check_code(app: App, work: Path) -> list[str]:
    """Compile the app and find uses of later members without a check of SDK_INT; one line for each problem.

    Raises
    ------
    CheckError
        No javac, or it refuses the stubs or the app.
    """
    stubs, levels = write_stubs(work / "stubs")
    (work / "stubs" / "R.java").write_text(resource_class(app.resources, app.namespace), encoding="utf-8")
    _javac([*stubs, work / "stubs" / "R.java"], work / "stub-classes", "-nowarn")
    # Stubs mark later members as deprecated for removal, so that javac names every use of one with its line.
    said = _javac(app.sources, work / "classes", "-Xlint:all", "-Xmaxwarns", "9999", "-cp", str(work / "stub-classes"))
    warnings = re.findall(r"(?m)^(?:.*/)?(\w+\.java):(\d+): warning: (.*)$", said)
    texts = {path.name: path.read_text(encoding="utf-8").splitlines() for path in app.sources}
    return [line for warning in warnings for line in _problem(*warning, texts, levels)]


def write_stubs(folder: Path) -> tuple[list[Path], dict[str, int]]:
    """Write the stubs as Java files; return them with the level of each class and member that has one, by name."""
    levels: dict[str, int] = {}
    for unit in re.split(r"(?m)^(?=package )", (STUBS / "api.java.txt").read_text(encoding="utf-8"))[1:]:
        for level, line in re.findall(r"@Since\((\d+)\) (.*)", unit):
            levels[_declared(line)] = int(level)
        ((package, name),) = re.findall(r"\Apackage ([\w.]+);\n.*?(?:class|interface) (\w+)", unit)
        path = folder / package.replace(".", "/") / f"{name}.java"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(r"@Since\(\d+\)", "@Deprecated(forRemoval = true)", unit), encoding="utf-8")
    return [*sorted(folder.rglob("*.java")), *sorted(STUBS.rglob("*.java"))], levels


def _declared(line: str) -> str:
    """The name of the class, method or field that a line of the stubs declares."""
    found = re.search(r"(?:class|interface) (\w+)|(\w+)\(|(\w+)(?: = .*)?;", line)
    assert found
    return next(filter(None, found.groups()))


def _problem(file: str, number: str, text: str, texts: dict[str, list[str]], levels: dict[str, int]) -> Iterator[str]:
    later = re.match(r"\[removal\] (\w+)(\S*) in (\S+) has been deprecated", text)
    if later is None:
        yield f"{file}:{number}: {text}"
    elif not guarded(texts[file], int(number), level := levels[later[1]]):
        yield (
            f"{file}:{number}: {later[3]}.{later[1]}{later[2]} came with API level {level}: "
            f"put it inside `if (Build.VERSION.SDK_INT >= {level})`"
        )


def guarded(lines: Sequence[str], number: int, level: int) -> bool:
    """Whether line ``number`` (from 1) or one before it in its method checks for ``level``, or `@RequiresApi` does."""
    for place in range(number - 1, -1, -1):
        if _checks(lines[place], level):
            return True
        if re.match(r"  [\w<].*\{$", lines[place]):
            # The member begins here; its annotations stand above.
            return any(_checks(line, level) for line in lines[max(place - 2, 0) : place])
    return False


def _checks(line: str, level: int) -> bool:
    return any(int(found) >= level for found in re.findall(r"(?:SDK_INT (?:>=|<) |@RequiresApi\()(\d+)", line))


def resource_class(resources: Path, namespace: str) -> str:
    """Java source of the class R, with a constant for every resource that the folder defines."""
    found: dict[str, set[str]] = {}
    for path in sorted(resources.rglob("*.xml")):
        kind = path.parent.name.partition("-")[0]
        text = path.read_text(encoding="utf-8")
        found.setdefault("id", set()).update(re.findall(r'"@\+id/(\w+)"', text))
        if kind != "values":
            found.setdefault(kind, set()).add(path.stem)
            continue
        for item in ET.fromstring(text):
            found.setdefault(item.tag, set()).add(item.get("name", "").replace(".", "_"))
    classes = (
        f"  public static final class {kind} {{\n"
        + "".join(f"    public static int {name};\n" for name in sorted(names))
        + "  }\n"
        for kind, names in sorted(found.items())
    )
    return f"package {namespace};\n\npublic final class R {{\n{''.join(classes)}}}\n"


def _javac(sources: Sequence[Path], target: Path, *options: str) -> str:
    target.mkdir(parents=True, exist_ok=True)
    command = ["javac", "--release", JAVA_RELEASE, "-proc:none", "-encoding", "UTF-8", *options, "-d", str(target)]
    return _run("apt install openjdk-17-jdk-headless", *command, *map(str, sources))


def _run(install: str, *command: str) -> str:
    """Return what a program wrote."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    except FileNotFoundError as error:
        raise CheckError(f"{command[0]} is not installed: {install}") from error
    if done.returncode:
        raise CheckError(f"{command[0]} refuses the app:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stderr + done.stdout


def manifest_problems(app: App) -> list[str]:
    """Rules of the manifest that no compiler has: what must stand there, be absent, or exist; one line each."""
    manifest, problems = ET.parse(app.manifest).getroot(), []
    classes = {f"{app.namespace}.{path.stem}" for path in app.sources}
    asked = {element.get(f"{ANDROID}name", "") for element in manifest.findall("uses-permission")}
    problems += [f"{name} is asked for: {why}" for name, why in FORBIDDEN.items() if name in asked]
    application = manifest.find("application")
    if application is None:
        return [*problems, "there is no <application>"]
    if application.get(f"{ANDROID}allowBackup") != "false":
        problems.append('android:allowBackup must be "false": verdicts stay on the phone')
    for tag in COMPONENTS:
        for element in application.findall(tag):
            problems += _component_problems(element, app.namespace, classes, asked)
    return problems


def _component_problems(element: ET.Element, namespace: str, known: set[str], asked: set[str]) -> list[str]:
    name = element.get(f"{ANDROID}name", "")
    full = namespace + name if name.startswith(".") else name
    problems = [] if full in known else [f"{element.tag} {name}: the app has no class {full}"]
    exported = element.get(f"{ANDROID}exported")
    if exported not in ("true", "false"):
        problems.append(f"{element.tag} {name}: android:exported must be stated")
    if element.tag == "service" and exported == "true" and not element.get(f"{ANDROID}permission"):
        problems.append(f"service {name}: exported without a permission, so that any app may bind it")
    for kind in filter(None, element.get(f"{ANDROID}foregroundServiceType", "").split("|")):
        spelt = "".join(f"_{letter}" if letter.isupper() else letter for letter in kind).upper()
        needed = {"android.permission.FOREGROUND_SERVICE", f"android.permission.FOREGROUND_SERVICE_{spelt}"}
        problems += [f"service {name}: type {kind} needs {missing}" for missing in sorted(needed - asked)]
    return problems


def missing_programs() -> str | None:
    """What the check of resources lacks, with what to install; None where nothing is missing."""
    if not shutil.which("aapt2"):
        return f"aapt2 is not installed: {INSTALL}"
    return None if FRAMEWORK.exists() else f"{FRAMEWORK} is not there: {INSTALL}"


def link_resources(app: App, work: Path) -> Path:
    """Link manifest and resources into a package without code, below ``work``, and return it.

    Raises
    ------
    CheckError
        aapt2 refuses.
    """
    work.mkdir(parents=True, exist_ok=True)
    copy, compiled, package = work / "AndroidManifest.xml", work / "resources.zip", work / "resources.apk"
    _write_copy(app, copy)
    _run(INSTALL, "aapt2", "compile", "--dir", str(app.resources), "-o", str(compiled))
    levels = ("--min-sdk-version", str(app.min_sdk), "--target-sdk-version", str(app.target_sdk))
    inputs = ("-I", str(FRAMEWORK), "--manifest", str(copy), "--auto-add-overlay", str(compiled))
    _run(INSTALL, "aapt2", "link", *levels, "-o", str(package), *inputs)
    return package


def _write_copy(app: App, copy: Path) -> None:
    ET.register_namespace("android", ANDROID.strip("{}"))
    root = ET.parse(app.manifest).getroot()
    root.set("package", app.namespace)
    for element in root.iter():
        for attribute in LATER_ATTRIBUTES:
            element.attrib.pop(f"{ANDROID}{attribute}", None)
        for attribute, value in LATER_VALUES:
            if element.get(f"{ANDROID}{attribute}") == value:
                del element.attrib[f"{ANDROID}{attribute}"]
    ET.ElementTree(root).write(copy, encoding="utf-8", xml_declaration=True)


def check(folder: Path, work: Path) -> list[str]:
    """Check everything that the machine has programs for; print what was done, return the problems."""
    app = App(folder)
    problems = check_code(app, work)
    problems += [f"AndroidManifest.xml: {problem}" for problem in manifest_problems(app)]
    print(f"{len(app.sources)} sources compile")
    if missing := missing_programs():
        print(f"manifest and resources were not linked: {missing}", file=sys.stderr)
    else:
        link_resources(app, work / "aapt2")
        print("manifest and resources link")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--app", type=Path, default=APP, help="folder of the app's build.gradle")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as work:
            problems = check(options.app, Path(work))
    except CheckError as error:
        problems = [str(error)]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
