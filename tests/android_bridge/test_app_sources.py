"""The app compiles against the real API, keeps to its levels, and both sides of the border have the same names."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from app_parts import APP, JAVA, source

import check_android  # isort: skip - app_parts puts tools/ on the path
from android_check.errors import CheckError
from android_check.manifest import manifest_problems, read_manifest
from android_check.package import load_api

from android_bridge.bridge import Bridge
from android_bridge.java_interface import SIGNATURES
from android_bridge.screening import PRESENTATIONS, VERIFICATIONS
from edge.catalog import default_model
from edge.decision import VERDICTS

needs_javac = pytest.mark.skipif(
    shutil.which("javac") is None, reason="needs javac: apt install openjdk-17-jdk-headless"
)


@pytest.fixture(scope="session")
def api():
    try:
        return load_api()
    except CheckError as error:
        pytest.skip(str(error))


@pytest.fixture
def app(tmp_path):
    """A copy of the app that may be spoiled."""
    shutil.copytree(APP, tmp_path / "app")
    return tmp_path / "app"


def problems(folder, api, work):
    return check_android.check_code(check_android.App(folder), api, work)


def spoil(folder, name, old, new):
    path = folder / "src" / "main" / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.programs
@needs_javac
def test_every_source_compiles_and_nothing_is_wrong(api, tmp_path, capsys):
    assert problems(APP, api, tmp_path) == []
    assert f"{len(list(JAVA.glob('*.java')))} sources" in capsys.readouterr().out


PLANTED = [
    ("Phone", "if (Build.VERSION.SDK_INT >= 33) {", "if (effect != null) {", "VibrationAttributes.createForUsage(int) came with API level 33"),
    ("Listener", "Build.VERSION.SDK_INT >= 29 && isSilenced(record)", "isSilenced(record)", "isSilenced(AudioRecord) came with API level 29"),
    ("GuardService", "Build.VERSION.SDK_INT >= 30", "text.length() >= 30", "FOREGROUND_SERVICE_TYPE_MICROPHONE came with API level 30"),
    ("CapabilityProbe", "Build.VERSION.SDK_INT < 33 || ", "", "POST_NOTIFICATIONS came with API level 33"),
    ("ScreeningService", "  @RequiresApi(30)\n", "", "Details.getCallerNumberVerificationStatus() came with API level 30"),
    ("RecordingFolder", "Collections.emptySet());\n    List", "java.util.Set.of());\n    List", "java.util.Set.of() came with API level 30"),
]  # fmt: skip


@pytest.mark.programs
@needs_javac
def test_planted_uses_of_a_later_api_are_caught(api, app, tmp_path):
    for name, guard, without, _ in PLANTED:
        spoil(app, f"java/org/bonafone/guard/{name}.java", guard, without)
    found = problems(app, api, tmp_path / "work")
    for name, _, _, expected in PLANTED:
        assert any(line.startswith(f"{name}.java:") and expected in line for line in found), (expected, found)


@pytest.mark.programs
@needs_javac
def test_a_member_that_android_has_not_is_caught_by_javac(api, app, tmp_path):
    spoil(app, "java/org/bonafone/guard/Phone.java", "vibrator.cancel();", "vibrator.stopEverything();")
    with pytest.raises(CheckError, match="cannot find symbol"):
        problems(app, api, tmp_path / "work")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('android:allowBackup="false"', 'android:allowBackup="true"', "allowBackup must be"),
        ('"android.permission.VIBRATE"', '"android.permission.INTERNET"', "the app has no network"),
        ('"android.permission.VIBRATE"', '"android.permission.VIBRATES"', "is no permission of Android's"),
        ('android:name=".RecorderWatcher"', 'android:name=".RecorderWatch"', "has no class org.bonafone.guard.RecorderWatch"),
        ('            android:permission="android.permission.BIND_JOB_SERVICE"', "", "exported without a permission"),
        ('    <uses-permission android:name="android.permission.FOREGROUND_SERVICE_MICROPHONE" />', "", "type microphone needs"),
    ],
)  # fmt: skip
def test_a_planted_mistake_in_the_manifests_rules_is_caught(old, new, expected, api, app):
    spoil(app, "AndroidManifest.xml", old, new)
    manifest = read_manifest(app / "src" / "main" / "AndroidManifest.xml")
    classes = [f"org.bonafone.guard.{path.stem}" for path in JAVA.glob("*.java")]
    found = manifest_problems(manifest, "org.bonafone.guard", classes, api)
    assert any(expected in line for line in found), found


def test_the_app_calls_the_bridge_by_names_that_it_has():
    called = re.findall(r'text\("(\w+)"', source("ChaquopyBridge"))
    assert len(called) > 10
    assert [name for name in called if not hasattr(Bridge, name)] == []
    assert re.findall(r"  String (\w+)\(", source("GuardBridge")) == [
        name for name in SIGNATURES if name in source("GuardBridge")
    ]


def test_every_state_and_verdict_has_words_on_the_screen():
    cases = set(re.findall(r'case "(\w+)":\n *return context', source("States")))
    assert cases >= {"listening", "blind", *VERDICTS}


def test_the_facts_of_a_number_are_ones_that_the_bridge_knows():
    text = source("ScreeningService")
    said = set(re.findall(r'"(allowed|restricted|payphone|unknown|passed|failed|not_verified)"', text))
    assert said <= {*PRESENTATIONS, *VERIFICATIONS}
    assert said >= {"allowed", "restricted", "passed", "failed", "not_verified"}
    # Before the call there is a caution and no verdict, and no call is stopped.
    assert "new CallResponse.Builder().build()" in text
    assert not re.search(r"set(Disallow|Reject|Silence)Call", text)


def test_the_model_in_the_app_is_the_one_that_is_shipped():
    gradle = (APP / "build.gradle").read_text(encoding="utf-8")
    shipped = re.search(r"shippedModel = '([\w.-]+)'", gradle)[1]
    assert shipped == default_model().name


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
