"""Manifest and resources link with aapt2; a planted mistake does not; nothing unused is kept."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from app_parts import APP

import check_android  # isort: skip - app_parts puts tools/ on the path
from android_check.errors import CheckError
from android_check.resources import check_resources, missing_programs

MAIN = APP / "src" / "main"
STRINGS = (MAIN / "res" / "values" / "strings.xml").read_text(encoding="utf-8")
needs_aapt2 = pytest.mark.skipif(bool(missing_programs()), reason=str(missing_programs()))


def link(folder, work):
    app = check_android.App(folder)
    return check_resources(app.manifest, app.resources, app.namespace, app.min_sdk, app.target_sdk, work)


@pytest.mark.programs
@needs_aapt2
def test_manifest_and_resources_link(tmp_path):
    package = link(APP, tmp_path / "work")
    shown = subprocess.run(
        ["aapt2", "dump", "badging", str(package)], check=True, capture_output=True, text=True
    ).stdout
    assert "package: name='org.bonafone.guard'" in shown
    assert "sdkVersion:'26'" in shown
    assert "targetSdkVersion:'35'" in shown
    assert "android.permission.INTERNET" not in shown


@pytest.mark.programs
@needs_aapt2
@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("AndroidManifest.xml", 'android:allowBackup="false"', 'android:allowBackups="false"', "attribute android:allowBackups not found"),
        ("AndroidManifest.xml", "@style/Guard", "@style/Guards", "resource style/Guards"),
        ("AndroidManifest.xml", 'android:foregroundServiceType="microphone"', 'android:foregroundServiceType="microfone"', "foregroundServiceType"),
        ("AndroidManifest.xml", "<receiver", "<reciever", "reciever"),
        ("res/layout/main.xml", "@string/limits", "@string/limit", "string/limit"),
        ("res/values/styles.xml", "<item name=\"android:minHeight\">48dp", "<item name=\"android:minHeight\">tall", "expected dimension"),
    ],
)  # fmt: skip
def test_a_planted_mistake_does_not_link(name, old, new, expected, tmp_path):
    shutil.copytree(APP, tmp_path / "app")
    path = tmp_path / "app" / "src" / "main" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CheckError, match=expected):
        link(tmp_path / "app", tmp_path / "work")


def test_every_text_is_used():
    files = [path for path in MAIN.rglob("*") if path.suffix in (".java", ".xml")]
    everything = "\n".join(path.read_text(encoding="utf-8") for path in files)
    names = re.findall(r'<string name="(\w+)"', STRINGS)
    unused = [name for name in names if not re.search(rf"(R\.string\.|@string/){name}\b", everything)]
    assert unused == []


def test_the_screen_says_what_a_stock_phone_does_not_let_it_hear():
    assert "@string/limits" in (MAIN / "res" / "layout" / "main.xml").read_text(encoding="utf-8")
    limits = re.search(r'<string name="limits">(.*)</string>', STRINGS)[1]
    assert "silence during its own calls" in limits
    assert "never about the voice" in limits


def test_no_file_of_the_build_names_a_host():
    for name in ("settings.gradle", "build.gradle", "app/build.gradle", "gradle.properties"):
        text = (APP.parent / name).read_text(encoding="utf-8")
        assert "://" not in text, name
