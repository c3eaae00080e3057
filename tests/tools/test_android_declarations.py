"""Reading the API's TypeScript: classes, members and levels, and what a type can stand for in Java."""

from __future__ import annotations

import json

import pytest
from android_check.declarations import api_from_json, api_to_json, split_types
from android_check.errors import CheckError
from android_check.java_types import can_be, is_vague, java_type, parse_descriptor
from android_check.package import MISSING, read_archive
from android_check.signatures import check_signatures, parse_signatures, read_signatures
from android_parts import SIGNATURES, parse


def test_each_member_has_its_level_and_the_next_one_not():
    members = parse()["android.os.Buzzer"].members
    levels = [(member.name, member.parameters, member.since) for member in members]
    assert levels == [
        ("LOUD", None, 0),
        ("<init>", (), 0),
        ("buzz", ("number",), 0),
        ("buzz", ("number", "android.os.Attributes"), 33),
        ("current", (), 0),
        ("stop", (), 29),
        ("listen", ("android.os.Listener",), 0),
    ]


def test_nested_classes_interfaces_and_parents_are_told_apart():
    api = parse()
    assert "android.os.Build.VERSION" in api
    assert api["android.os.Listener"].interface
    assert not api["android.os.Buzzer"].interface
    assert api["android.os.Buzzer"].implements == ("android.os.Monitor",)
    # What stands inside of an interface's constructor is no member of its own.
    assert [m.name for m in api["android.os.Listener"].members] == ["<init>", "onBuzz"]


def test_the_cache_gives_back_what_was_parsed():
    api = parse()
    assert api_from_json(json.loads(json.dumps(api_to_json(api)))) == api


def test_types_are_split_outside_of_brackets_only():
    assert split_types("a: java.util.Map<string,any>, b: number") == ["a: java.util.Map<string,any>", "b: number"]


@pytest.mark.parametrize(
    ("given", "java", "fits"),
    [
        ("number", "long", True),
        ("number", "boolean", False),
        ("number", "java.lang.Object", False),
        ("string", "java.lang.CharSequence", True),
        ("androidNative.Array<number>", "byte[]", True),
        ("androidNative.Array<number>", "byte", False),
        ("number", "int[]", False),
        ("any", "android.os.Attributes", True),
        ("any", "int", False),
        ("android.os.Attributes", "android.os.Attributes", True),
        ("android.os.Attributes", "Attributes", True),
        ("android.os.Attributes", "android.media.Attributes", False),
        ("java.util.List<string>", "java.util.List", True),
        ("-1", "int", True),
        ('"loud"', "java.lang.String", True),
    ],
)
def test_a_type_of_typescript_can_be_some_types_of_java_and_no_others(given, java, fits):
    assert can_be(given, java) is fits


def test_types_become_java_with_what_is_open_taken_as_int_and_object():
    assert java_type("androidNative.Array<number>") == "int[]"
    assert java_type("java.util.Map<string,any>") == "java.util.Map<String, ?>"
    assert java_type("T", ("T",)) == "T"
    assert java_type("3600000000") == "long"
    assert is_vague("androidNative.Array<number>")
    assert not is_vague("string")


def test_descriptors_are_read_as_dotted_names():
    found = parse_descriptor("(I[BLandroid/os/Build$VERSION;[[J)V")
    assert found == (("int", "byte[]", "android.os.Build.VERSION", "long[][]"), "void")


def test_a_signature_that_no_declaration_bears_out_is_refused():
    check_signatures(parse_signatures(SIGNATURES.splitlines()), parse())
    with pytest.raises(CheckError, match=r"no declaration fits android\.os\.Buzzer\.buzz\(String\)"):
        check_signatures(parse_signatures(["android.os.Buzzer", "  void buzz(String)"]), parse())
    with pytest.raises(CheckError, match=r"no class android\.os\.Bell"):
        check_signatures(parse_signatures(["android.os.Bell", "  void ring()"]), parse())


def test_a_line_that_is_no_signature_is_refused_with_its_number():
    with pytest.raises(CheckError, match="the table:2: expected a class"):
        parse_signatures(["android.os.Buzzer", "  void buzz(long"])


def test_the_kept_table_and_the_declarations_that_were_missing_can_be_read():
    assert len(read_signatures()) > 100
    missing = parse(MISSING.read_text())
    assert missing["android.app.job.JobInfo.TriggerContentUri"].since == 24


def test_another_archive_than_the_one_checked_is_refused(tmp_path):
    archive = tmp_path / "package.tgz"
    archive.write_bytes(b"something else")
    with pytest.raises(CheckError, match="is not the package that was checked"):
        read_archive(archive)
