"""The Android app and its checks, from where the tests are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

APP = ROOT / "android_bridge" / "app" / "app"
JAVA = APP / "src" / "main" / "java" / "org" / "bonafone" / "guard"


def source(name: str) -> str:
    return (JAVA / f"{name}.java").read_text(encoding="utf-8")
