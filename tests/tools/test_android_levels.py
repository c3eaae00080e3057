"""Uses of later members are found wherever no check of SDK_INT stands before them, and nowhere else."""

from __future__ import annotations

import shutil

import pytest
from android_check.errors import CheckError
from android_parts import SIGNATURES, check_app

pytestmark = [
    pytest.mark.programs,
    pytest.mark.skipif(shutil.which("javac") is None, reason="needs javac: apt install openjdk-17-jdk-headless"),
]

GUARDED = {
    "if": "void run(Buzzer b) { if (Build.VERSION.SDK_INT >= 29) { b.stop(); } }",
    "named constant": "void run(Buzzer b) { if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) { b.stop(); } }",
    "early return": "void run(Buzzer b) { if (Build.VERSION.SDK_INT < 29) { return; } b.stop(); }",
    "mirrored": "void run(Buzzer b) { if (29 <= Build.VERSION.SDK_INT) { b.stop(); } }",
    "greater": "void run(Buzzer b) { if (Build.VERSION.SDK_INT > 28) { b.stop(); } }",
    "and": "void run(Buzzer b, boolean x) { if (x && Build.VERSION.SDK_INT >= 29) { b.stop(); } }",
    "or with return": "void run(Buzzer b, boolean x) { if (Build.VERSION.SDK_INT < 29 || x) { return; } b.stop(); }",
    "conditional": "String run(Buzzer b) { return Build.VERSION.SDK_INT >= 29 ? b.current() : null; }",
    "annotated method": "@RequiresApi(29) void stop(Buzzer b) { b.stop(); }\n"
    "void run(Buzzer b) { if (Build.VERSION.SDK_INT >= 29) { stop(b); } }",
    "annotated class": "@RequiresApi(33) static class Late { void run(Buzzer b) { b.buzz(1L, new Attributes()); } }",
    "lambda made behind a check": "Runnable run(Buzzer b) {\n"
    "if (Build.VERSION.SDK_INT < 29) { return null; } return () -> b.stop(); }",
    "lambda in a lambda": "void run(Buzzer b) {\n"
    "if (Build.VERSION.SDK_INT >= 29) { Runnable r = () -> { Runnable s = () -> b.stop(); s.run(); }; r.run(); } }",
    "switch in the way": "void run(Buzzer b, int x) { if (Build.VERSION.SDK_INT >= 29) { switch (x) {\n"
    "case 1: b.stop(); break; case 900: b.buzz(1L); break; default: b.stop(); } } }",
    "an earlier level's member": "void run(Buzzer b) { b.buzz(5L); }",
    "a later class's constant": "int run() { return Build.VERSION.SDK_INT >= 33 ? Attributes.USAGE : 0; }",
}
UNGUARDED = {
    "no check": ("void run(Buzzer b) { b.stop(); }", "android.os.Buzzer.stop() came with API level 29"),
    "too low a check": (
        "void run(Buzzer b) { if (Build.VERSION.SDK_INT >= 28) { b.stop(); } }",
        "here the level may be 28",
    ),
    "wrong branch": (
        "void run(Buzzer b) { if (Build.VERSION.SDK_INT >= 29) { b.buzz(1L); } else { b.stop(); } }",
        "API level 29",
    ),
    "after the check": (
        "void run(Buzzer b) { if (Build.VERSION.SDK_INT >= 29) { b.buzz(1L); } b.stop(); }",
        "API level 29",
    ),
    "in the end of what may fail before the check": (
        "void run(Buzzer b) { try { b.buzz(1L); if (Build.VERSION.SDK_INT < 29) { return; } } finally { b.stop(); } }",
        "API level 29",
    ),
    "a later overload": ("void run(Buzzer b) { b.buzz(1L, null); }", "API level 33"),
    "a later class": ("Object run() { return new Attributes(); }", "android.os.Attributes came with API level 33"),
    "a constant, which javac would copy": (
        "int run() { return Attributes.USAGE; }",
        "Attributes.USAGE came with API level 33",
    ),
    "a later parent": ("static class Late extends Attributes { }", "android.os.Attributes came with API level 33"),
    "through an interface that came later": ("String run(Buzzer b) { return b.current(); }", "API level 29"),
    "an annotated method": (
        "@RequiresApi(29) void stop(Buzzer b) { b.stop(); }\nvoid run(Buzzer b) { stop(b); }",
        ".stop(Buzzer) came with API level 29",
    ),
    "in a lambda": ("Runnable run(Buzzer b) { return () -> b.stop(); }", "lambda$run$0"),
    "as a method reference": ("Runnable run(Buzzer b) { return b::stop; }", "android.os.Buzzer.stop()"),
    "in Java's own library": ("boolean run(String s) { return s.isBlank(); }", "java.lang.String.isBlank() came with"),
    "a member that Android's Java has not": (
        "String run(String s) { return s.strip(); }",
        "java.lang.String.strip() is no member of Android's API",
    ),
    "a class that Android's Java has not": (
        "Object run() { return new java.util.ArrayDeque<String>(); }",
        "java.util.ArrayDeque is no class of Android's API",
    ),
}


def classes_of(bodies):
    return {f"Case{number}": body for number, body in enumerate(bodies)}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """What is found in each of GUARDED, all compiled at once."""
    return check_app(tmp_path_factory.mktemp("guarded"), classes_of(GUARDED.values()))


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory):
    return check_app(tmp_path_factory.mktemp("unguarded"), classes_of(body for body, _ in UNGUARDED.values()))


def of_case(findings, number):
    return [line for line in findings if line.startswith(f"Case{number}.java:")]


@pytest.mark.parametrize("number", range(len(GUARDED)), ids=GUARDED)
def test_what_is_guarded_passes(number, guarded):
    assert of_case(guarded, number) == []


@pytest.mark.parametrize("number", range(len(UNGUARDED)), ids=UNGUARDED)
def test_what_is_not_guarded_is_found(number, unguarded):
    _, expected = list(UNGUARDED.values())[number]
    found = of_case(unguarded, number)
    assert any(expected in line for line in found), found


def test_a_finding_names_file_line_and_method(tmp_path):
    (found,) = check_app(tmp_path, {"App": "\n\nvoid run(Buzzer b) {\n  b.stop();\n}"})
    assert found.startswith("App.java:10 in run: ")


def test_a_higher_least_level_needs_no_check(tmp_path):
    assert check_app(tmp_path, {"App": UNGUARDED["no check"][0]}, min_sdk=29) == []


def test_types_that_only_the_reference_tells_must_be_written_down(tmp_path):
    body = (
        "static class Mine implements Listener { @Override public void onBuzz(int level) { } }\n"
        "void run(Buzzer b) { b.buzz(1, null); }"
    )
    less = SIGNATURES.replace("  void buzz(long, Attributes)\n", "").replace("  void onBuzz(int)\n", "")
    found = check_app(
        tmp_path / "less", {"App": body}, signatures=less.replace("android.os.Listener\n", ""), min_sdk=33
    )
    assert [line.partition(";")[0] for line in found] == [
        "App.java:7 in onBuzz: android.os.Listener.onBuzz(int) has no Java types in the declarations",
        "App.java:8 in run: android.os.Buzzer.buzz(int, Attributes) has no Java types in the declarations",
    ]
    assert check_app(tmp_path / "all", {"App": body}, min_sdk=33) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("void run(Buzzer b) { b.ring(); }", "cannot find symbol"),
        ("void run(Buzzer b) { b.buzz(1.5); }", "incompatible types"),
        ("void run(Buzzer b) { b.listen(null); int unused = (int) 3; }", "redundant cast"),
    ],
)
def test_javac_refuses_what_the_api_has_not_and_every_warning(body, expected, tmp_path):
    with pytest.raises(CheckError, match=expected):
        check_app(tmp_path, {"App": body})


def test_a_lambda_stands_for_an_interface_of_the_api(tmp_path):
    assert check_app(tmp_path, {"App": "void run(Buzzer b) { b.listen(level -> b.buzz(level)); }"}) == []
