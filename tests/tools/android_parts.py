"""A small API in TypeScript, and an app in Java that is checked against it: no network, javac only."""

from __future__ import annotations

from pathlib import Path

from android_check.building import compile_app
from android_check.declarations import parse_declarations
from android_check.levels import LevelCheck
from android_check.lookup import ApiLookup
from android_check.signatures import check_signatures, parse_signatures

DECLARATIONS = (Path(__file__).parent / "android_small.d.ts").read_text(encoding="utf-8")
SIGNATURES = """
android.os.Build.VERSION
  static int SDK_INT
android.os.Buzzer
  void buzz(long)
  void buzz(long, Attributes)
  String current()
android.os.Listener
  void onBuzz(int)
"""
REQUIRES_API = "package app;\npublic @interface RequiresApi { int value(); }\n"


def parse(text=DECLARATIONS):
    return parse_declarations(text.splitlines())


def check_app(folder: Path, bodies: dict[str, str], *, signatures: str = SIGNATURES, min_sdk: int = 26) -> list[str]:
    """Compile one class for each body, by its name, and return what is wrong with them."""
    api = parse()
    table = parse_signatures(signatures.splitlines())
    check_signatures(table, api)
    imports = "".join(f"import android.os.{name};\n" for name in ("Attributes", "Build", "Buzzer", "Listener"))
    sources = {"RequiresApi": REQUIRES_API}
    sources |= {name: f"package app;\n{imports}class {name} {{\n{body}\n}}\n" for name, body in bodies.items()}
    resources = folder / "res"
    resources.mkdir(parents=True)
    for name, text in sources.items():
        (folder / f"{name}.java").write_text(text, encoding="utf-8")
    paths = [folder / f"{name}.java" for name in sources]
    classes = compile_app(paths, resources, "app", api, table, folder / "work")
    return [str(finding) for finding in LevelCheck(classes, ApiLookup(api, table), min_sdk).run()]
