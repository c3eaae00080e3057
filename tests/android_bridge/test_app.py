"""The app compiles, keeps to its API levels, links, and has the same names as the other side of the border."""

from __future__ import annotations

import re
import shutil
import subprocess

import check_android
import pytest

from android_bridge.bridge import Bridge
from android_bridge.screening import PRESENTATIONS, VERIFICATIONS
from edge.catalog import default_model
from edge.decision import VERDICTS

APP = check_android.APP
MAIN = APP / "src" / "main"
JAVA = MAIN / "java" / "org" / "bonafone" / "guard"
STRINGS = (MAIN / "res" / "values" / "strings.xml").read_text(encoding="utf-8")
needs_javac = pytest.mark.skipif(
    shutil.which("javac") is None, reason="needs javac: apt install openjdk-17-jdk-headless"
)
needs_aapt2 = pytest.mark.skipif(bool(check_android.missing_programs()), reason=str(check_android.missing_programs()))

LATER_USES = [
    ("Phone", "if (Build.VERSION.SDK_INT >= 33) {", "if (effect != null) {", "VibrationAttributes.createForUsage(int) came with API level 33"),
    ("Listener", "Build.VERSION.SDK_INT >= 29 && isSilenced(record)", "isSilenced(record)", None),
    ("Listener", "  @RequiresApi(29)\n", "", "isClientSilenced() came with API level 29"),
    ("GuardService", "Build.VERSION.SDK_INT >= 30", "text.length() >= 30", "FOREGROUND_SERVICE_TYPE_MICROPHONE came with API level 30"),
    ("CapabilityProbe", "Build.VERSION.SDK_INT < 33 || ", "", "POST_NOTIFICATIONS came with API level 33"),
    ("ScreeningService", "  @RequiresApi(30)\n", "", "Details.getCallerNumberVerificationStatus() came with API level 30"),
    ("VerdictLog", "class VerdictLog {", "class VerdictLog {\n  static final java.util.List RAW = null;\n", "[rawtypes]"),
]  # fmt: skip
MANIFEST_MISTAKES = [
    ('android:allowBackup="false"', 'android:allowBackup="true"', "allowBackup must be"),
    ('"android.permission.VIBRATE"', '"android.permission.INTERNET"', "the app has no network"),
    ('android:name=".RecorderWatcher"', 'android:name=".RecorderWatch"', "has no class org.bonafone.guard.RecorderWatch"),
    ('            android:permission="android.permission.BIND_JOB_SERVICE"', "", "exported without a permission"),
    ('    <uses-permission android:name="android.permission.FOREGROUND_SERVICE_MICROPHONE" />', "", "type microphone needs"),
]  # fmt: skip
UNLINKABLE = [
    ("AndroidManifest.xml", 'android:allowBackup="false"', 'android:allowBackups="false"', "attribute android:allowBackups not found"),
    ("AndroidManifest.xml", 'android:foregroundServiceType="microphone"', 'android:foregroundServiceType="microfone"', "foregroundServiceType"),
    ("res/layout/main.xml", "@string/limits", "@string/limit", "string/limit"),
]  # fmt: skip


def source(name):
    return (JAVA / f"{name}.java").read_text(encoding="utf-8")


@pytest.fixture
def app(tmp_path):
    """A copy of the app's folder that may be spoiled."""
    shutil.copytree(APP, tmp_path / "app")
    return tmp_path / "app"


def spoil(folder, name, old, new):
    path = folder / "src" / "main" / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (name, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.programs
@needs_javac
def test_every_source_compiles_and_nothing_is_wrong(tmp_path):
    assert check_android.check(APP, tmp_path) == []


@pytest.mark.slow
@pytest.mark.programs
@needs_javac
def test_uses_of_a_later_api_and_warnings_are_found(app, tmp_path):
    for name, guard, without, _ in LATER_USES:
        spoil(app, f"java/org/bonafone/guard/{name}.java", guard, without)
    found = check_android.check_code(check_android.App(app), tmp_path / "work")
    for name, _, _, expected in LATER_USES:
        assert expected is None or any(line.startswith(f"{name}.java:") and expected in line for line in found), found


@pytest.mark.slow
@pytest.mark.programs
@needs_javac
def test_a_member_that_android_does_not_have_does_not_compile(app, tmp_path):
    spoil(app, "java/org/bonafone/guard/Phone.java", "vibrator.cancel();", "vibrator.stopEverything();")
    with pytest.raises(check_android.CheckError, match="cannot find symbol"):
        check_android.check_code(check_android.App(app), tmp_path / "work")


def test_the_manifest_keeps_its_rules_and_mistakes_are_found(app):
    assert check_android.manifest_problems(check_android.App(APP)) == []
    for old, new, _ in MANIFEST_MISTAKES:
        spoil(app, "AndroidManifest.xml", old, new)
    found = check_android.manifest_problems(check_android.App(app))
    for *_, expected in MANIFEST_MISTAKES:
        assert any(expected in line for line in found), (expected, found)


@pytest.mark.programs
@needs_aapt2
def test_manifest_and_resources_link(tmp_path):
    package = check_android.link_resources(check_android.App(APP), tmp_path / "work")
    shown = subprocess.run(
        ["aapt2", "dump", "badging", str(package)], check=True, capture_output=True, text=True
    ).stdout
    for expected in ("package: name='org.bonafone.guard'", "sdkVersion:'26'", "targetSdkVersion:'35'"):
        assert expected in shown
    assert "android.permission.INTERNET" not in shown


@pytest.mark.programs
@needs_aapt2
@pytest.mark.parametrize(("name", "old", "new", "expected"), UNLINKABLE)
def test_a_mistake_in_manifest_or_resources_does_not_link(name, old, new, expected, app, tmp_path):
    spoil(app, name, old, new)
    with pytest.raises(check_android.CheckError, match=expected):
        check_android.link_resources(check_android.App(app), tmp_path / "work")


def test_the_app_calls_the_bridge_by_names_that_it_has():
    called = re.findall(r'text\("(\w+)"', source("ChaquopyBridge"))
    assert len(called) > 10
    assert [name for name in called if not hasattr(Bridge, name)] == []


def test_every_state_and_verdict_has_words_on_the_screen():
    cases = set(re.findall(r'case "(\w+)":\n *return context', source("States")))
    assert cases >= {"listening", "blind", *VERDICTS}


def test_the_facts_of_a_number_are_ones_that_the_bridge_accepts():
    text = source("ScreeningService")
    said = set(re.findall(r'"(allowed|restricted|payphone|unknown|passed|failed|not_verified)"', text))
    assert said <= {*PRESENTATIONS, *VERIFICATIONS}
    assert said >= {"allowed", "restricted", "passed", "failed", "not_verified"}
    # Before the call there is a caution and no verdict, and no call is stopped.
    assert "new CallResponse.Builder().build()" in text
    assert not re.search(r"set(Disallow|Reject|Silence)Call", text)


def test_the_model_in_the_app_is_the_one_that_is_shipped():
    shipped = re.search(r"shippedModel = '([\w.-]+)'", (APP / "build.gradle").read_text(encoding="utf-8"))[1]
    assert shipped == default_model().name


def test_every_text_is_used_and_the_limits_are_on_the_screen():
    files = [path for path in MAIN.rglob("*") if path.suffix in (".java", ".xml")]
    everything = "\n".join(path.read_text(encoding="utf-8") for path in files)
    names = re.findall(r'<string name="(\w+)"', STRINGS)
    assert [name for name in names if not re.search(rf"(R\.string\.|@string/){name}\b", everything)] == []
    assert "@string/limits" in (MAIN / "res" / "layout" / "main.xml").read_text(encoding="utf-8")
    limits = re.search(r'<string name="limits">(.*)</string>', STRINGS)[1]
    assert "silence during its own calls" in limits
    assert "never about the voice" in limits


def test_no_file_of_the_build_names_a_host():
    for name in ("settings.gradle", "build.gradle", "app/build.gradle", "gradle.properties"):
        assert "://" not in (APP.parent / name).read_text(encoding="utf-8"), name


@pytest.mark.slow
@pytest.mark.programs
@needs_javac
def test_several_channels_become_their_mean(tmp_path):
    program = tmp_path / "Main.java"
    program.write_text(
        """package org.bonafone.guard;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
public class Main {
  public static void main(String[] arguments) {
    ByteBuffer pcm = ByteBuffer.allocate(14).order(ByteOrder.BIG_ENDIAN);
    for (int value : new int[] {100, 300, -32768, -32768, 32767, 0, 77}) { pcm.putShort((short) value); }
    pcm.flip();
    ByteBuffer mono = ByteBuffer.wrap(Downmix.toMono(pcm, 2)).order(ByteOrder.LITTLE_ENDIAN);
    while (mono.hasRemaining()) { System.out.println(mono.getShort()); }
  }
}
"""
    )
    subprocess.run(["javac", "-d", str(tmp_path), str(JAVA / "Downmix.java"), str(program)], check=True)
    command = ["java", "-cp", str(tmp_path), "org.bonafone.guard.Main"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    # The single sample at the end is half a frame.
    assert done.stdout.split() == ["200", "-32768", "16384"]
