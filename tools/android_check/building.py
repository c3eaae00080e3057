"""Compile the app against the stubs with javac, as its Gradle project would against the SDK."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from android_check.classfile import JavaClass, read_class
from android_check.declarations import Api
from android_check.errors import CheckError
from android_check.signatures import Signature
from android_check.stubs import write_stubs

JAVA_RELEASE = "11"
REQUIRES_API = "RequiresApi"


def compile_app(
    sources: Sequence[Path],
    resources: Path,
    namespace: str,
    api: Api,
    signatures: Sequence[Signature],
    work: Path,
    libraries: Sequence[Path] = (),
) -> list[JavaClass]:
    """Compile ``sources`` with every warning an error, and read the classes.

    Parameters
    ----------
    resources : the folder ``res``, of which the class R is made.
    namespace : the app's package, which holds R and the annotation `REQUIRES_API`.
    libraries : stubs written by hand, of what is no part of the API.
    work : folder for ``stubs``, ``stub-classes`` and ``classes``, of which the last two are written anew.

    Raises
    ------
    CheckError
        No javac, or it refuses the stubs or the app; the message is javac's own.
    """
    stubs, stub_classes, classes = work / "stubs", work / "stub-classes", work / "classes"
    for folder in (stubs, stub_classes, classes):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    texts = [path.read_text(encoding="utf-8") for path in (*sources, *libraries)]
    write_stubs(stubs, texts, api, signatures)
    (stubs / "R.java").write_text(resource_class(resources, namespace), encoding="utf-8")
    run_javac([*sorted(stubs.rglob("*.java")), *libraries], stub_classes, ["-nowarn"])
    run_javac(sources, classes, ["-Xlint:all", "-Werror", "-XDstringConcat=inline", "-cp", str(stub_classes)])
    annotation = f"L{namespace.replace('.', '/')}/{REQUIRES_API};"
    return [read_class(path, annotation) for path in sorted(classes.rglob("*.class"))]


def run_javac(sources: Sequence[Path], target: Path, options: Sequence[str]) -> None:
    """Compile ``sources`` into ``target``.

    Raises
    ------
    CheckError
        See `compile_app`.
    """
    command = ["javac", "--release", JAVA_RELEASE, "-proc:none", "-encoding", "UTF-8", *options, "-d", str(target)]
    try:
        done = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=False, timeout=600)
    except FileNotFoundError as error:
        raise CheckError("javac is not installed: apt install openjdk-17-jdk-headless") from error
    if done.returncode:
        raise CheckError(f"javac refuses the sources:\n{done.stderr.strip() or done.stdout.strip()}")


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
